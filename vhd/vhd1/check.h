// The inside of vhd1_check.
#ifndef VREP_VHD_VHD1_CHECK_H
#define VREP_VHD_VHD1_CHECK_H

#include "vhd/vhd1/vhd1.h"

struct vhd1_check {
    struct vhd_checker *checker;
    struct file *file;
    uint64_t file_size;
    struct vhd1_footer footer; // the one that is believed
    struct vhd1_footer_place place;
    struct vhd1_header header;
    uint64_t data_end;    // of the file or the last block, whichever is later
    bool header_unsealed; // its checksum is wrong, all else plausible
};

// Table, blocks, bitmaps and what lies between. Reports.
enum status vhd1_check_blocks(struct vhd1_check *check) MUST_CHECK;

// What tells of the parent, and where. Reports.
enum status vhd1_check_locators(struct vhd1_check *check) MUST_CHECK;

#endif
