// What tests of VHD 1.0 share: disks in a mem_fs, opened, looked at and damaged.
#ifndef VREP_TESTS_SUPPORT_VHD1_DISK_H
#define VREP_TESTS_SUPPORT_VHD1_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/mem_fs.h"
#include "vhd/vhd.h"

// Where vhd_create puts the table of a dynamic disk.
#define VHD1_DISK_TABLE 1536u

// Offsets within footer and header of their checksums.
#define VHD1_DISK_FOOTER_CHECKSUM 64u
#define VHD1_DISK_HEADER_CHECKSUM 36u

// Creates a disk as users do; `block_size` 0: the usual one. Ends the program when it cannot, as
// all of these do.
void vhd1_disk_create(struct mem_fs *fs, const char *path, enum vhd_type type, uint64_t size,
                      uint32_t block_size);

// Creates a disk smaller than any that users can make, with blocks of 4 KiB or more: the states of
// a crash test are cheap on it.
void vhd1_disk_create_tiny(struct mem_fs *fs, const char *path, enum vhd_type type, uint64_t size,
                           uint32_t block_size);

// The same for a child of a tiny disk `parent`, a name in the root.
void vhd1_disk_create_tiny_child(struct mem_fs *fs, const char *path, const char *parent,
                                 uint64_t size, uint32_t block_size);

enum status vhd1_disk_try_open(const struct file_system *fs, const char *path, bool writable,
                               struct vhd **disk) MUST_CHECK;

// The same for a disk that must open.
struct vhd *vhd1_disk_open(const struct file_system *fs, const char *path, bool writable);

uint64_t vhd1_disk_footer_at(const struct mem_fs *fs, const char *path);

uint32_t vhd1_disk_peek_be32(const struct mem_fs *fs, const char *path, uint64_t offset);
void vhd1_disk_poke_be32(struct mem_fs *fs, const char *path, uint64_t offset, uint32_t value);

// Makes the checksum of `size` bytes at `offset` right again.
void vhd1_disk_seal(struct mem_fs *fs, const char *path, uint64_t offset, size_t size,
                    size_t checksum_at);

// Changes a field of both footers, or of the header, and the checksums.
void vhd1_disk_poke_footers(struct mem_fs *fs, const char *path, uint64_t field, const void *data,
                            size_t size);
void vhd1_disk_poke_header(struct mem_fs *fs, const char *path, uint64_t field, uint32_t value);

// True when the file begins and ends with the same valid footer.
bool vhd1_disk_has_two_footers(const struct mem_fs *fs, const char *path);

#endif
