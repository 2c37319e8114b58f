// Logs of VHDX files byte by byte ([MS-VHDX] 2.3): entries of any shape at any place of the ring.
#ifndef VREP_TESTS_SUPPORT_FORGE_VHDX_LOG_H
#define VREP_TESTS_SUPPORT_FORGE_VHDX_LOG_H

#include "tests/support/forge/vhdx.h"

#define FORGE_SECTOR          4096u
#define FORGE_DESCRIPTORS_MAX 200

// A log under construction, in the place that the file's headers give it.
struct forge_log {
    struct forge_vhdx *f;
    struct guid guid;
    uint64_t sequence_number; // of the next entry
    uint32_t at;              // where it goes
    uint32_t tail;            // what it says; UINT32_MAX: itself
    uint64_t flushed, last;   // file sizes
    struct mem_fs *shadow;    // the file with the changes of the entries so far
    // the entry in work
    uint32_t count;
    struct {
        bool zero;
        uint64_t offset, length;
        uint8_t page[FORGE_SECTOR];
    } descriptors[FORGE_DESCRIPTORS_MAX];
};

// Starts at the beginning of the ring, each entry its own tail, with the file as large as it is.
struct forge_log *forge_log_new(struct forge_vhdx *f, const struct guid *guid,
                                uint64_t sequence_number);

// The log is in the file as it is now.
void forge_log_free(struct forge_log *log);

// Adds to the entry in work: a page as it is in the file now; 8 bytes of a page other than after
// the entries so far (`at` need not be the page's beginning); zeros.
void forge_log_page(struct forge_log *log, uint64_t offset);
void forge_log_change(struct forge_log *log, uint64_t at, uint64_t value);
void forge_log_zero(struct forge_log *log, uint64_t offset, uint64_t length);

// The same for an entry of the block allocation table.
void forge_log_entry(struct forge_log *log, uint64_t at, uint64_t mib, unsigned state);

// Writes the entry, wrapped at the end of the ring, and goes on behind it. Returns its place in the
// ring.
uint32_t forge_log_end(struct forge_log *log);

// Both headers name the log.
void forge_log_name(const struct forge_log *log);

// Forgets the entries so far: what comes is based on the file itself.
void forge_log_forget(struct forge_log *log);

// Breaks the entry at `at`: a byte of its last sector is another one.
void forge_log_tear(const struct forge_log *log, uint32_t at, uint32_t length);

#endif
