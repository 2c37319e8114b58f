#include "service/engine/comparison.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "service/engine/json_writer.h"

void comparison_note(struct comparison_disk *disk, uint64_t offset, uint64_t length)
{
    disk->different += length;
    if (disk->ranges == 0 || offset != disk->end) {
        disk->ranges++;
        if (disk->listed < COMPARISON_RANGES_MAX)
            disk->range[disk->listed++] = (struct comparison_range){offset, length};
    } else if (disk->ranges == disk->listed) {
        disk->range[disk->listed - 1].length += length;
    }
    disk->end = offset + length;
}

bool comparison_differs(const struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->disk_count; i++)
        if (comparison->disk[i].different > 0)
            return true;
    return false;
}

const char *comparison_outcome_text(enum comparison_outcome outcome)
{
    switch (outcome) {
    case COMPARISON_NONE:
        return "None";
    case COMPARISON_FINISHED:
        return "Finished";
    case COMPARISON_STOPPED:
        return "Stopped";
    case COMPARISON_FAILED:
        return "Failed";
    case COMPARISON_INTERRUPTED:
        return "Interrupted";
    }
    return "Unknown";
}

void comparison_free(struct comparison *comparison)
{
    free(comparison->disk);
    *comparison = (struct comparison){.outcome = COMPARISON_NONE};
}

enum status comparison_copy(const struct comparison *from, struct comparison *to)
{
    struct comparison_disk *disk = NULL;
    if (from->disk_count > 0) {
        disk = malloc(from->disk_count * sizeof *disk);
        if (!disk)
            return status_no_memory("a comparison");
        memcpy(disk, from->disk, from->disk_count * sizeof *disk);
    }
    *to = *from;
    to->disk = disk;
    return STATUS_OK;
}

// ---- writing ----

static json_t *ranges_to_json(const struct comparison_disk *disk)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < disk->listed; i++) {
        json_t *range = json_pack("{s:I, s:I}", "Offset", (json_int_t)disk->range[i].offset,
                                  "Length", (json_int_t)disk->range[i].length);
        if (json_array_append_new(array, range) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *disks_to_json(const struct comparison *comparison)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < comparison->disk_count; i++) {
        const struct comparison_disk *disk = &comparison->disk[i];
        struct json_writer w = json_writer_begin(NULL);
        json_writer_number(&w, "BytesTotal", disk->total);
        json_writer_number(&w, "BytesCompared", disk->compared);
        json_writer_number(&w, "BytesDifferent", disk->different);
        json_writer_number(&w, "RangesDifferent", disk->ranges);
        json_writer_value(&w, "FirstRangesDifferent", ranges_to_json(disk));
        if (json_array_append_new(array, json_writer_end(&w)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

// One that did not come to its end knows when something differs, but not that nothing does.
static void put_needed(struct json_writer *w, const struct comparison *comparison)
{
    if (comparison->outcome == COMPARISON_FINISHED || comparison_differs(comparison))
        json_writer_bool(w, "ResynchronizeNeeded", comparison_differs(comparison));
    else
        json_writer_null(w, "ResynchronizeNeeded");
}

json_t *comparison_to_json(const struct comparison *comparison, bool with_disks)
{
    uint64_t total = 0, compared = 0, different = 0;
    if (comparison->outcome == COMPARISON_NONE)
        return json_null();
    for (size_t i = 0; i < comparison->disk_count; i++) {
        total += comparison->disk[i].total;
        compared += comparison->disk[i].compared;
        different += comparison->disk[i].different;
    }
    struct json_writer w = json_writer_begin(NULL);
    json_writer_text(&w, "Outcome", comparison_outcome_text(comparison->outcome));
    json_writer_time(&w, "Started", comparison->started);
    json_writer_time(&w, "Ended", comparison->ended);
    put_needed(&w, comparison);
    json_writer_number(&w, "BytesTotal", total);
    json_writer_number(&w, "BytesCompared", compared);
    json_writer_number(&w, "BytesDifferent", different);
    if (comparison->error.status != STATUS_OK)
        json_writer_value(&w, "Error", js_from_status(&comparison->error));
    else
        json_writer_null(&w, "Error");
    if (with_disks)
        json_writer_value(&w, "Disks", disks_to_json(comparison));
    return json_writer_end(&w);
}

// ---- reading ----

static enum status damaged(const char *member)
{
    return status_fail(STATUS_DAMAGED, 0,
                       "The member \"LastComparison\" has no \"%s\" or an impossible one.", member);
}

static enum status get_time(const json_t *object, const char *name, int64_t *out)
{
    const char *text;
    enum status s = js_opt_string(object, name, NULL, &text);
    return s == STATUS_OK && (!text || clock_parse_utc(text, out)) ? STATUS_OK : damaged(name);
}

static enum status disk_from_json(const json_t *object, struct comparison_disk *out)
{
    json_t *ranges;
    if (js_get_u64(object, "BytesTotal", &out->total) != STATUS_OK ||
        js_get_u64(object, "BytesCompared", &out->compared) != STATUS_OK ||
        js_get_u64(object, "BytesDifferent", &out->different) != STATUS_OK ||
        js_get_u64(object, "RangesDifferent", &out->ranges) != STATUS_OK ||
        js_get_array(object, "FirstRangesDifferent", &ranges) != STATUS_OK ||
        json_array_size(ranges) > COMPARISON_RANGES_MAX)
        return damaged("Disks");
    out->listed = json_array_size(ranges);
    for (size_t i = 0; i < out->listed; i++) {
        const json_t *range = json_array_get(ranges, i);
        if (js_get_u64(range, "Offset", &out->range[i].offset) != STATUS_OK ||
            js_get_u64(range, "Length", &out->range[i].length) != STATUS_OK)
            return damaged("FirstRangesDifferent");
    }
    return STATUS_OK;
}

static enum status disks_from_json(const json_t *object, size_t disk_count, struct comparison *out)
{
    json_t *array;
    if (js_get_array(object, "Disks", &array) != STATUS_OK ||
        (json_array_size(array) != 0 && json_array_size(array) != disk_count))
        return damaged("Disks");
    if (json_array_size(array) == 0)
        return STATUS_OK;
    out->disk = calloc(disk_count, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("a comparison");
    out->disk_count = disk_count;
    enum status s = STATUS_OK;
    for (size_t i = 0; s == STATUS_OK && i < disk_count; i++)
        s = disk_from_json(json_array_get(array, i), &out->disk[i]);
    return s;
}

static enum status outcome_from_json(const json_t *object, enum comparison_outcome *out)
{
    const char *text;
    if (js_get_string(object, "Outcome", &text) != STATUS_OK)
        return damaged("Outcome");
    for (unsigned i = COMPARISON_FINISHED; i <= COMPARISON_INTERRUPTED; i++)
        if (strcmp(comparison_outcome_text((enum comparison_outcome)i), text) == 0) {
            *out = (enum comparison_outcome)i;
            return STATUS_OK;
        }
    return damaged("Outcome");
}

enum status comparison_from_json(const json_t *object, size_t disk_count, struct comparison *out)
{
    const json_t *error = json_object_get(object, "Error");
    enum status s = outcome_from_json(object, &out->outcome);
    if (s == STATUS_OK)
        s = get_time(object, "Started", &out->started);
    if (s == STATUS_OK)
        s = get_time(object, "Ended", &out->ended);
    if (s == STATUS_OK)
        s = disks_from_json(object, disk_count, out);
    if (s == STATUS_OK && json_is_object(error))
        js_to_status(error, &out->error);
    return s;
}
