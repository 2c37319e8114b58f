// State files: JSON with {format, major, minor}, replaced as a whole.
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#define STATE_FILE_MAX \
    (4u * 1024 * 1024) // a relationship of thousands of disks fits; more is damage

static enum status damaged(const char *path)
{
    struct status_details why = *status_last();
    status_fail(STATUS_DAMAGED, why.os_code, "The state file \"%s\" is damaged. %s", path,
                why.message);
    return status_advise(0, "Restore the file from a backup, or move it away and set up again "
                            "what it described.");
}

static enum status check_format(const json_t *object, const char *format, uint64_t *major)
{
    const char *found;
    enum status s = js_get_string(object, "format", &found);
    if (s == STATUS_OK && strcmp(found, format) != 0)
        s = status_fail(STATUS_DAMAGED, 0, "Its format is \"%s\", wanted is \"%s\".", found,
                        format);
    return s == STATUS_OK ? js_get_u64(object, "major", major) : s;
}

// A migration must not lose the only old copy: "<path>.v<major>", written once.
static enum status keep_old_version(const char *path, uint64_t major, const char *text, size_t size)
{
    size_t room = strlen(path) + 32;
    char *copy = malloc(room);
    if (!copy)
        return status_no_memory("a file name");
    snprintf(copy, room, "%s.v%llu", path, (unsigned long long)major);
    enum status s = os_file_exists(copy) ? STATUS_OK : os_replace_file(copy, text, size);
    free(copy);
    return s;
}

static enum status load_text(const char *path, const char *format, unsigned major, const char *text,
                             size_t size, json_t **out)
{
    json_t *object = NULL;
    uint64_t found = 0;
    enum status s = js_parse(text, size, &object);
    if (s == STATUS_OK)
        s = check_format(object, format, &found);
    if (s != STATUS_OK) {
        s = s == STATUS_OUT_OF_MEMORY ? s : damaged(path);
    } else if (found > major) {
        status_fail(STATUS_VERSION, 0,
                    "The state file \"%s\" has version %llu of its format; this program knows "
                    "versions up to %u. It was left as it is.",
                    path, (unsigned long long)found, major);
        s = status_advise(0, "Install the release that wrote the file, or a later one.");
    } else if (found < major) {
        s = keep_old_version(path, found, text, size);
    }
    if (s == STATUS_OK)
        *out = object;
    else
        json_decref(object);
    return s;
}

enum status js_load_file(const char *path, const char *format, unsigned major, json_t **out)
{
    char *text;
    size_t size;
    enum status s = os_read_file(path, STATE_FILE_MAX, &text, &size);
    if (s != STATUS_OK)
        return s;
    s = load_text(path, format, major, text, size, out);
    free(text);
    return s;
}

enum status js_save_file(const char *path, const char *format, unsigned major, unsigned minor,
                         json_t *object)
{
    enum status s = js_put_string(object, "format", format);
    if (s == STATUS_OK)
        s = js_put_u64(object, "major", major);
    if (s == STATUS_OK)
        s = js_put_u64(object, "minor", minor);
    if (s != STATUS_OK)
        return s;
    char *text = json_dumps(object, JSON_INDENT(2));
    if (!text)
        return status_no_memory("the text of a state file");
    s = os_replace_file(path, text, strlen(text));
    free(text);
    return s;
}
