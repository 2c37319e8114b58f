// The room of blocks in the file of a dynamic or differencing disk, for resize.c and compact.c.
#ifndef VREP_VHD_VHD1_SPACE_H
#define VREP_VHD_VHD1_SPACE_H

#include "vhd/vhd1/vhd1.h"

// Where the first block begins; disk->data_end when there is none. What lies before may belong to
// some program, and stays.
uint64_t vhd1_first_block(const struct vhd1 *disk);

// Copies a block with its bitmap to `to`, which no stable entry of the table uses, and changes the
// entry in memory: vhd1_flush makes it so.
enum status vhd1_move_block(struct vhd1 *disk, uint32_t block, uint64_t to) MUST_CHECK;

// Goes through the room between blocks, as the table was at vhd1_gaps_init.
struct vhd1_gaps {
    const struct vhd1 *disk;
    uint32_t *sorted; // places of all blocks, in sectors
    uint32_t used;
    uint32_t next;
    uint64_t at;
};

enum status vhd1_gaps_init(struct vhd1_gaps *gaps, const struct vhd1 *disk,
                           uint64_t floor) MUST_CHECK;
void vhd1_gaps_rewind(struct vhd1_gaps *gaps, uint64_t floor);
void vhd1_gaps_free(struct vhd1_gaps *gaps);

// The next place for a whole block, before `limit` and off the header, the table and the locators.
// False: there is none.
bool vhd1_gaps_next(struct vhd1_gaps *gaps, uint64_t limit, uint64_t *to);

// Puts the trailing footer to another place and, when that is nearer to the beginning, cuts the
// file behind it. Stable on return.
enum status vhd1_move_footer(struct vhd1 *disk, uint64_t at) MUST_CHECK;

// Cuts the file behind its last block and all else that belongs to the disk, not before `floor`.
// The table in the file must be as in memory.
enum status vhd1_cut(struct vhd1 *disk, uint64_t floor) MUST_CHECK;

#endif
