// The check of a VHDX: one file a concept, each of which reports what it finds of its part and
// fills in that part of `x`, as far as it can be read. The inside of vhdx_check.
#ifndef VREP_VHD_VHDX_CHECK_H
#define VREP_VHD_VHDX_CHECK_H

#include "vhd/check_report.h"
#include "vhd/vhdx/image.h"

struct vhdx_check {
    struct vhd_checker *checker;
    struct vhdx x; // the parts of the file, the replayed log included
    bool stuck;    // damaged so that what follows cannot be found
    bool mend;     // something was found that a repair changes
    bool no_identifier;
    bool log_useless;     // the log, which is not live, cannot be where the header says
    bool metadata_flags;  // flags of items to be put right
    bool anchors_useless; // soft anchors to be dropped
    bool table;           // entries of the block allocation table to be put right
    bool tail;            // and what comes after the last one
};

// A finding: damage; what a repair mends; harmless; harmless, but tidied by a repair.
#define VHDX_DAMAGE(c, name, format, ...)                                            \
    vhd_checker_report((c)->checker, VHD_PROBLEM_DAMAGE, name, false, "%s: " format, \
                       (c)->checker->path, ##__VA_ARGS__)
#define VHDX_NOTE(c, name, format, ...)                                            \
    vhd_checker_report((c)->checker, VHD_PROBLEM_NOTE, name, false, "%s: " format, \
                       (c)->checker->path, ##__VA_ARGS__)
#define VHDX_MENDABLE(c, name, format, ...)                                          \
    ((c)->mend = true, vhd_checker_defer((c)->checker, VHD_PROBLEM_REPAIRABLE, name, \
                                         "%s: " format, (c)->checker->path, ##__VA_ARGS__))
#define VHDX_TIDY(c, name, format, ...)                                                       \
    ((c)->mend = true, vhd_checker_defer((c)->checker, VHD_PROBLEM_NOTE, name, "%s: " format, \
                                         (c)->checker->path, ##__VA_ARGS__))

// Reads through the view. Past its end: reported as "file-truncated", stuck, STATUS_OK.
enum status vhdx_check_read(struct vhdx_check *c, uint64_t offset, void *buffer,
                            size_t size) MUST_CHECK;

// In this order, as long as not stuck.
enum status vhdx_check_headers(struct vhdx_check *c) MUST_CHECK;  // check_headers.c
enum status vhdx_check_log(struct vhdx_check *c) MUST_CHECK;      // check_log.c
enum status vhdx_check_regions(struct vhdx_check *c) MUST_CHECK;  // check_regions.c
enum status vhdx_check_metadata(struct vhdx_check *c) MUST_CHECK; // check_metadata.c
enum status vhdx_check_locator(struct vhdx_check *c) MUST_CHECK;  // check_locator.c
enum status vhdx_check_table(struct vhdx_check *c) MUST_CHECK;    // check_table.c

// The parts of a repair, within a session.
enum status vhdx_mend_metadata(struct vhdx_check *c) MUST_CHECK;
enum status vhdx_mend_table(struct vhdx_check *c) MUST_CHECK;

#endif
