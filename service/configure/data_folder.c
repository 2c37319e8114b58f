#include "service/configure/data_folder.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "service/configure/data_folder_parts.h"
#include "service/engine/store.h"

#define LOG "log"

const char *const data_folder_inner[] = {"relationships", LOG, NULL};

// ---- names ----

static bool all_digits(const char *text, size_t length)
{
    size_t i = 0;
    while (i < length && isdigit((unsigned char)text[i]))
        i++;
    return i == length && length > 0;
}

static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

// What os_replace_file and js_load_file make beside a state file: ".new", ".v1".
static bool ends_state_file(const char *rest)
{
    const char *number = after(rest, ".v");
    return rest[0] == '\0' || strcmp(rest, ".new") == 0 ||
           (number && all_digits(number, strlen(number)));
}

static bool is_log(const char *name)
{
    const char *rest = after(name, "events.");
    size_t digits = rest ? strspn(rest, "0123456789") : 0;
    return rest &&
           (strcmp(rest, "jsonl") == 0 || (digits > 0 && strcmp(rest + digits, ".jsonl") == 0));
}

// A state file of this name is "<id>.json".
static bool is_relationship(const char *name)
{
    char id[GUID_TEXT_SIZE];
    struct guid guid;
    size_t length = sizeof id - 1;
    if (strlen(name) < length)
        return false;
    memcpy(id, name, length);
    id[length] = '\0';
    const char *rest = guid_parse(id, &guid) ? after(name + length, ".json") : NULL;
    return rest && ends_state_file(rest);
}

// True when the service makes a file of that name in `folder` (NULL: the data folder itself).
static bool is_ours(const char *folder, const char *name)
{
    if (!folder) {
        const char *rest = after(name, "config.json");
        return strcmp(name, "lock") == 0 || (rest && ends_state_file(rest));
    }
    return strcmp(folder, LOG) == 0 ? is_log(name) : is_relationship(name);
}

static bool is_our_folder(const char *name)
{
    for (size_t i = 0; data_folder_inner[i]; i++)
        if (strcmp(name, data_folder_inner[i]) == 0)
            return true;
    return false;
}

// ---- make ----

struct look {
    bool locked;   // a service has worked here
    bool stranger; // something that no service makes
};

static bool look_at(void *context, const char *name)
{
    struct look *look = context;
    look->locked = look->locked || strcmp(name, "lock") == 0;
    look->stranger = look->stranger || !(is_ours(NULL, name) || is_our_folder(name));
    return true;
}

// The protection, and a removal later, must hit nothing of anybody else's.
static enum status check_free(const char *folder)
{
    struct look look = {false, false};
    char *parent = os_path_folder(folder);
    if (!parent)
        return status_no_memory("a path");
    bool root = strcmp(parent, folder) == 0;
    free(parent);
    enum status s = root ? STATUS_OK : os_list_folder(folder, look_at, &look);
    if (s != STATUS_OK || (!root && (look.locked || !look.stranger)))
        return s;
    (void)status_fail(STATUS_REFUSED, 0,
                      "\"%s\" cannot be the data folder: other files than VRep's are in it.",
                      folder);
    return status_advise(0, "Name a folder that is empty or does not exist yet.");
}

static enum status make_one(const char *folder, const char *name)
{
    char *path = os_path_join(folder, name);
    enum status s = path ? os_make_folders(path, true) : status_no_memory("a path");
    free(path);
    return s;
}

enum status data_folder_make(const char *folder, bool *made)
{
    bool there = os_file_exists(folder);
    enum status s = there ? check_free(folder) : STATUS_OK;
    for (size_t i = 0; data_folder_inner[i] && s == STATUS_OK; i++)
        s = make_one(folder, data_folder_inner[i]);
    if (s == STATUS_OK) {
        *made = !there;
    } else if (!there) {
        const struct status_details why = *status_last();
        data_folder_unmake(folder);
        s = status_restore(&why);
    }
    return s;
}

void data_folder_unmake(const char *folder)
{
    bool gone = true;
    for (size_t i = 0; data_folder_inner[i]; i++) {
        char *path = os_path_join(folder, data_folder_inner[i]);
        gone = path && (!os_file_exists(path) || os_remove_folder(path) == STATUS_OK) && gone;
        free(path);
    }
    if (!gone || os_remove_folder(folder) != STATUS_OK)
        return; // it is in use, and stays
}

// ---- remove ----

struct removal {
    const char *path;   // of the folder that is emptied
    const char *folder; // its name in the data folder; NULL: it is that one
    struct buffer *report;
    enum status status; // of the telling
};

static enum status tell_kept(struct removal *removal, const char *path, const char *why)
{
    return buffer_printf(removal->report, "Kept: \"%s\" %s\n", path, why);
}

// One entry. What cannot be removed is told, and the others are.
static bool remove_entry(void *context, const char *name)
{
    struct removal *removal = context;
    char *path = os_path_join(removal->path, name);
    if (!path)
        removal->status = status_no_memory("a path");
    else if (!removal->folder && is_our_folder(name))
        ; // has been emptied, or is told by what is in it
    else if (!is_ours(removal->folder, name))
        removal->status = tell_kept(removal, path, "is not the service's.");
    else if (os_remove_file(path) != STATUS_OK)
        removal->status = tell_kept(removal, path, status_last()->message);
    free(path);
    return removal->status == STATUS_OK;
}

static bool note_entry(void *context, const char *name)
{
    (void)name;
    *(bool *)context = true;
    return false;
}

// Empties a folder and removes it.
static enum status remove_folder(struct removal *removal)
{
    bool filled = false;
    if (!os_file_exists(removal->path))
        return STATUS_OK;
    enum status s = os_list_folder(removal->path, remove_entry, removal);
    if (s == STATUS_OK)
        s = removal->status;
    if (s == STATUS_OK)
        s = os_list_folder(removal->path, note_entry, &filled);
    if (s == STATUS_OK && !filled && os_remove_folder(removal->path) != STATUS_OK)
        return tell_kept(removal, removal->path, status_last()->message);
    return s;
}

// A service that runs would make them again.
static enum status check_stopped(const char *folder)
{
    struct store *store;
    enum status s = store_open(folder, &store);
    if (s == STATUS_IN_USE)
        return status_advise(0, "Stop the service first.");
    if (s == STATUS_OK)
        store_close(store);
    return s;
}

enum status data_folder_remove(const char *folder, struct buffer *report)
{
    if (!os_file_exists(folder))
        return STATUS_OK;
    enum status s = check_stopped(folder);
    for (size_t i = 0; data_folder_inner[i] && s == STATUS_OK; i++) {
        char *path = os_path_join(folder, data_folder_inner[i]);
        struct removal inner = {.path = path, .folder = data_folder_inner[i], .report = report};
        s = path ? remove_folder(&inner) : status_no_memory("a path");
        free(path);
    }
    struct removal outer = {.path = folder, .report = report};
    if (s == STATUS_OK)
        s = remove_folder(&outer);
    if (s == STATUS_OK)
        s = os_file_exists(folder)
                ? buffer_printf(report, "The data folder \"%s\" stays with what is in it.\n",
                                folder)
                : buffer_printf(report, "The data folder \"%s\" was removed.\n", folder);
    return s;
}
