#include "tests/virtdisk/double_state.h"

DWORD WINAPI double_query_changes(HANDLE handle, const WCHAR *tracking_id, uint64_t offset,
                                  uint64_t length, uint32_t flags, struct virtdisk_range *ranges,
                                  ULONG *range_count, uint64_t *processed)
{
    (void)handle;
    (void)tracking_id;
    (void)offset;
    (void)length;
    (void)flags;
    (void)ranges;
    (void)range_count;
    (void)processed;
    return 50;
}
