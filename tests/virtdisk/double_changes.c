// Change tracking: which 64 KiB units were written through the double, and when. A moment ends when
// its name was asked for and something is written after.
#include "tests/virtdisk/double_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/checked.h"
#include "vhd/errors.h"

#define UNIT     (64ull << 10)
#define ID_MAX   64
#define ID_START L"rctX:double:"

struct double_tracking {
    struct double_tracking *next;
    char *path;
    bool enabled;
    bool named;      // the present moment's name was given away
    uint32_t moment; // the present one; the first is 1
    uint64_t units;
    uint32_t *written; // the moment in which each unit was written last; 0: never
};

static struct double_tracking *all; // guarded by double_mutex; never freed before the end

static struct double_tracking *find(const char *path)
{
    struct double_tracking *t = all;
    while (t && _stricmp(t->path, path) != 0)
        t = t->next;
    return t;
}

static struct double_tracking *add(const char *path, uint64_t size)
{
    struct double_tracking *t = calloc(1, sizeof *t);
    if (!t || !(t->path = _strdup(path)))
        abort();
    t->moment = 1;
    t->units = divide_up(size, UNIT);
    t->written = calloc((size_t)t->units, sizeof *t->written);
    if (!t->written)
        abort();
    t->next = all;
    all = t;
    return t;
}

void double_track(const struct double_handle *h, bool on)
{
    pthread_mutex_lock(&double_mutex);
    struct double_tracking *t = find(h->path);
    if (!t)
        t = add(h->path, h->disk->virtual_size);
    t->enabled = on;
    pthread_mutex_unlock(&double_mutex);
}

void double_note_write(const struct double_handle *h, uint64_t offset, uint64_t length)
{
    pthread_mutex_lock(&double_mutex);
    struct double_tracking *t = find(h->path);
    if (t && t->enabled) {
        if (t->named)
            t->moment++;
        t->named = false;
        for (uint64_t unit = offset / UNIT; unit <= (offset + length - 1) / UNIT; unit++)
            t->written[unit] = t->moment;
    }
    pthread_mutex_unlock(&double_mutex);
}

bool double_moment(const struct double_handle *h, char *id, size_t size)
{
    pthread_mutex_lock(&double_mutex);
    struct double_tracking *t = find(h->path);
    bool enabled = t && t->enabled;
    if (enabled) {
        snprintf(id, size, "%ls%u", ID_START, (unsigned)t->moment);
        t->named = true;
    }
    pthread_mutex_unlock(&double_mutex);
    return enabled;
}

static DWORD parse(const struct double_tracking *t, const WCHAR *id, uint32_t *moment)
{
    size_t start = wcslen(ID_START);
    if (!t || !t->enabled)
        return VHD_ERROR_CHANGE_TRACKING_DISABLED;
    if (!id || wcslen(id) > ID_MAX || wcsncmp(id, ID_START, start) != 0)
        return VHD_ERROR_INVALID_CHANGE_TRACKING_ID;
    *moment = (uint32_t)wcstoul(id + start, NULL, 10);
    return *moment >= 1 && *moment <= t->moment ? ERROR_SUCCESS
                                                : VHD_ERROR_INVALID_CHANGE_TRACKING_ID;
}

// Ranges in whole units until `end` or until there is no room for one more; how far it came.
static uint64_t list(const struct double_tracking *t, uint32_t moment, uint64_t offset,
                     uint64_t end, struct virtdisk_range *ranges, ULONG *count)
{
    ULONG room = *count;
    *count = 0;
    for (uint64_t at = offset; at < end; at += UNIT) {
        if (t->written[at / UNIT] <= moment)
            continue;
        struct virtdisk_range *last = *count > 0 ? &ranges[*count - 1] : NULL;
        uint64_t length = min_u64(UNIT, end - at);
        if (last && last->offset + last->length == at)
            last->length += length;
        else if (*count == room)
            return at - offset;
        else
            ranges[(*count)++] = (struct virtdisk_range){.offset = at, .length = length};
    }
    return end - offset;
}

DWORD WINAPI double_query_changes(HANDLE handle, const WCHAR *tracking_id, uint64_t offset,
                                  uint64_t length, uint32_t flags, struct virtdisk_range *ranges,
                                  ULONG *range_count, uint64_t *processed)
{
    DWORD error;
    uint32_t moment;
    if (!double_enter("QueryChangesVirtualDisk", &error))
        return error;
    struct double_handle *h = double_find(handle);
    if (!h)
        return ERROR_INVALID_HANDLE;
    if (flags || !tracking_id || !ranges || !range_count || *range_count == 0 || !processed)
        return double_broken(ERROR_INVALID_PARAMETER, "changes since when, and whereto");
    if (length == 0 || offset % UNIT != 0 || !range_fits(offset, length, h->disk->virtual_size))
        return double_broken(ERROR_INVALID_PARAMETER, "changes of a part that is none");
    pthread_mutex_lock(&double_mutex);
    struct double_tracking *t = find(h->path);
    error = parse(t, tracking_id, &moment);
    if (error == ERROR_SUCCESS)
        *processed = list(t, moment, offset, offset + length, ranges, range_count);
    pthread_mutex_unlock(&double_mutex);
    return error;
}
