// The one table of what the backends may do differently. Everything else is the same, to the byte
// and to the error number.
//
// File layout is not in it, for no test of the door looks at it: where blocks lie in the file, how
// large it is, when it grows, and whether what reads as zeros keeps its room (soft anchors) are the
// backend's own business, within the format.
#include "tests/door/support/door.h"

static const struct {
    enum door_difference difference;
    bool native;
    bool virtdisk;
} differences[] = {
    // virtdisk has no call that says "zeros".
    {DOOR_ZERO_ALLOCATES, false, true},
    // virtdisk tells no map: it is read from the file before, and what is written is marked.
    {DOOR_MAP_IS_COARSE, false, true},
    {DOOR_INFO_IS_OLD, false, true},
    // Only a whole chain can be attached.
    {DOOR_NOT_ALONE, false, true},
    // vhdmp opens the parents.
    {DOOR_PARENT_IS_HIDDEN, false, true},
    // MaximumSize of CreateVirtualDisk.
    {DOOR_NOT_TINY, false, true},
    // vhdmp decides how it shares the file.
    {DOOR_WRITER_EXCLUDES, false, true},
    // CompactVirtualDisk decides what is worth it.
    {DOOR_COMPACTS_LESS, false, true},
};

bool door_may(enum door_difference difference)
{
    bool virtdisk = vhd_chosen_backend() == VHD_BACKEND_VIRTDISK;
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        if (differences[i].difference == difference)
            return virtdisk ? differences[i].virtdisk : differences[i].native;
    fail_msg("difference %d is not in the table", (int)difference);
    return false;
}
