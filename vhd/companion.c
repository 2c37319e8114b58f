// Files of Hyper-V that are no disks themselves but belong to one (docs/formats.md): the files of
// resilient change tracking, VHD Sets, and checkpoints, whose names say what they are.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/os.h"
#include "vhd/chain.h"
#include "vhd/errors.h"

#define SET_EXTENSION ".vhds"
#define GUID_LENGTH   36

static bool ends_with(const char *text, size_t length, const char *end)
{
    size_t end_length = strlen(end);
    return length >= end_length && strncasecmp(text + length - end_length, end, end_length) == 0;
}

static bool has_companion(const struct file_system *fs, const char *path, const char *extension)
{
    struct buffer name = {0};
    bool there = buffer_printf(&name, "%s%s", path, extension) == STATUS_OK &&
                 fs->exists(fs, (const char *)name.data);
    buffer_free(&name);
    return there;
}

bool vhd_is_change_tracked(const char *path, const struct file_system *fs)
{
    fs = fs ? fs : file_system_os();
    return has_companion(fs, path, ".rct") || has_companion(fs, path, ".mrt");
}

// Hyper-V names them NAME_GUID.avhdx; what VRep makes for a resynchronization has a dot instead.
bool vhd_is_checkpoint(const char *path)
{
    const char *name = os_path_base_name(path);
    const char *dot = strrchr(name, '.');
    char text[GUID_LENGTH + 1];
    struct guid guid;
    if (!dot || (strcasecmp(dot, ".avhdx") != 0 && strcasecmp(dot, ".avhd") != 0) ||
        dot - name <= GUID_LENGTH || dot[-GUID_LENGTH - 1] != '_')
        return false;
    memcpy(text, dot - GUID_LENGTH, GUID_LENGTH);
    text[GUID_LENGTH] = '\0';
    return guid_parse(text, &guid);
}

struct search {
    const char *stem; // of the set's name
    size_t stem_length;
    char *found;
};

static bool is_backing(void *context, const char *name)
{
    struct search *search = context;
    if (strncasecmp(name, search->stem, search->stem_length) == 0 &&
        ends_with(name, strlen(name), ".avhdx"))
        search->found = strdup(name);
    return !search->found;
}

// The name of a disk that belongs to the set; NULL: none was found beside it. Allocated.
static char *find_backing(const char *path)
{
    struct search search = {.stem = os_path_base_name(path)};
    search.stem_length = strlen(search.stem) - strlen(SET_EXTENSION);
    char *folder = os_path_folder(path);
    if (!folder || os_list_folder(folder, is_backing, &search) != STATUS_OK) {
        free(search.found);
        search.found = NULL;
    }
    free(folder);
    return search.found;
}

enum status vhd_refuse_set(const char *path)
{
    if (!ends_with(path, strlen(path), SET_EXTENSION))
        return STATUS_OK;
    char *backing = find_backing(path);
    (void)status_fail(STATUS_UNSUPPORTED, VHD_ERROR_NOT_VIRTUAL_DISK,
                      "%s is a VHD Set: it describes disks and holds no data.", path);
    enum status status =
        backing
            ? status_advise(0, "Give the disk that it describes instead, as %s beside it.", backing)
            : status_advise(0, "Give the .avhdx file that it describes instead.");
    free(backing);
    return status;
}
