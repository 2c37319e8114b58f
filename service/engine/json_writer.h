// Writes the members of a JSON object one after the other; the first failure sticks, so that a list
// of members reads as one.
#ifndef VREP_SERVICE_ENGINE_JSON_WRITER_H
#define VREP_SERVICE_ENGINE_JSON_WRITER_H

#include "base/json.h"

struct json_writer {
    json_t *object;
    enum status status;
};

// A new object that starts with a copy of the members of `base`; NULL: with none.
struct json_writer json_writer_begin(const json_t *base);

void json_writer_text(struct json_writer *w, const char *name, const char *value); // NULL: null
void json_writer_number(struct json_writer *w, const char *name, uint64_t value);
// All 64 bits as decimal text, which a JSON integer does not hold.
void json_writer_wide(struct json_writer *w, const char *name, uint64_t value);
void json_writer_bool(struct json_writer *w, const char *name, bool value);
void json_writer_guid(struct json_writer *w, const char *name, const struct guid *value);
void json_writer_time(struct json_writer *w, const char *name, int64_t wall_ms); // 0: null
void json_writer_null(struct json_writer *w, const char *name);
void json_writer_value(struct json_writer *w, const char *name,
                       json_t *value); // takes it; NULL: out of memory

// The object, the caller's now; NULL after a failure, which is recorded.
json_t *json_writer_end(struct json_writer *w);

#endif
