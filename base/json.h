// Helpers over jansson (prefix js_, for json_ is the library's): typed members with errors that
// name them, files with {format, major, minor}.
#ifndef VREP_BASE_JSON_H
#define VREP_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"

// Parses `size` bytes of UTF-8 JSON whose top is an object. STATUS_INVALID_ARGUMENT with line and
// column otherwise. Depth and duplicate members are limited by jansson (JSON_REJECT_DUPLICATES).
enum status js_parse(const char *text, size_t size, json_t **out) MUST_CHECK;

// Compact text, allocated with malloc. NULL: out of memory.
char *js_text(const json_t *value);

// Members of `object`. The _get_ forms fail when the member is absent or of another type; the _opt_
// forms give the default when it is absent (or null) and fail on another type. Strings are borrowed
// from `object`.
enum status js_get_string(const json_t *object, const char *name, const char **out) MUST_CHECK;
enum status js_opt_string(const json_t *object, const char *name, const char *preset,
                          const char **out) MUST_CHECK;
enum status js_get_u64(const json_t *object, const char *name, uint64_t *out) MUST_CHECK;
enum status js_opt_u64(const json_t *object, const char *name, uint64_t preset,
                       uint64_t *out) MUST_CHECK;
enum status js_opt_bool(const json_t *object, const char *name, bool preset, bool *out) MUST_CHECK;
enum status js_get_guid(const json_t *object, const char *name, struct guid *out) MUST_CHECK;
enum status js_opt_guid(const json_t *object, const char *name,
                        struct guid *out) MUST_CHECK; // zero GUID
enum status js_get_array(const json_t *object, const char *name,
                         json_t **out) MUST_CHECK; // borrowed

// Sets members; STATUS_OUT_OF_MEMORY only. A uint64 above INT64_MAX cannot be held by JSON here:
// STATUS_INVALID_ARGUMENT.
enum status js_put_string(json_t *object, const char *name, const char *value) MUST_CHECK;
enum status js_put_u64(json_t *object, const char *name, uint64_t value) MUST_CHECK;
enum status js_put_bool(json_t *object, const char *name, bool value) MUST_CHECK;
enum status js_put_guid(json_t *object, const char *name, const struct guid *value) MUST_CHECK;
enum status js_put_new(json_t *object, const char *name,
                       json_t *value) MUST_CHECK; // takes `value`, NULL = no memory

// Reads a state file: at most 4 MiB, {"format": format, "major": M, "minor": m, ...}. A newer major
// is refused untouched (STATUS_VERSION); an older one gets a copy "<path>.v<major>" first; unknown
// members stay in *out.
enum status js_load_file(const char *path, const char *format, unsigned major,
                         json_t **out) MUST_CHECK;

// Stamps format and version into `object` and replaces the file (os_replace_file).
enum status js_save_file(const char *path, const char *format, unsigned major, unsigned minor,
                         json_t *object) MUST_CHECK;

// A failure as {"code": "NotFound", "message": ..., "action": ..., "osCode": n, "eventId": n}.
// NULL: out of memory.
json_t *js_from_status(const struct status_details *details);

// The reverse, tolerant of missing members; details->status is never STATUS_OK afterwards.
void js_to_status(const json_t *object, struct status_details *details);

#endif
