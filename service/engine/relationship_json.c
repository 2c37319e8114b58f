// The members of a relationship's file. A reader takes each member that it knows out of a copy of
// the object; what is left belongs to a newer minor version and is kept.
#include "service/engine/relationship.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "service/engine/json_writer.h"

// ---- writing ----

static json_t *identity_to_json(const struct vhd_identity *identity)
{
    struct json_writer w = json_writer_begin(NULL);
    json_writer_number(&w, "Format", (uint64_t)identity->format);
    json_writer_wide(&w, "VirtualSize", identity->virtual_size);
    json_writer_guid(&w, "Guid", &identity->guid);
    json_writer_wide(&w, "SequenceNumber", identity->sequence_number);
    json_writer_wide(&w, "FileSize", identity->file_size);
    json_writer_wide(&w, "WriteTime", identity->write_time);
    return json_writer_end(&w);
}

static json_t *disk_to_json(const struct relationship_disk *disk)
{
    struct json_writer w = json_writer_begin(disk->unknown);
    struct guid file;
    memcpy(file.bytes, disk->file.file, sizeof file.bytes);
    json_writer_text(&w, "Path", disk->path);
    json_writer_text(&w, "PeerName", disk->peer_name);
    if (disk->file_known) {
        json_writer_wide(&w, "Volume", disk->file.volume);
        json_writer_guid(&w, "FileId", &file);
    }
    if (disk->identity_saved)
        json_writer_value(&w, "Identity", identity_to_json(&disk->identity));
    if (disk->compared_saved)
        json_writer_value(&w, "Compared", identity_to_json(&disk->compared));
    json_writer_wide(&w, "Cursor", disk->cursor);
    json_writer_wide(&w, "VirtualSize", disk->total);
    json_writer_bool(&w, "Reserved", disk->reserved);
    json_writer_bool(&w, "Merged", disk->merged);
    json_writer_guid(&w, "AdoptId", &disk->adopt_id);
    return json_writer_end(&w);
}

static json_t *disks_to_json(const struct relationship *r)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < r->disk_count; i++)
        if (json_array_append_new(array, disk_to_json(&r->disks[i])) != 0) {
            json_decref(array);
            array = NULL;
        }
    return array;
}

static void put_resynchronization(struct json_writer *w, const struct relationship *r)
{
    json_writer_guid(w, "ResynchronizeId", &r->resync_id);
    json_writer_text(w, "ResynchronizePhase", resynchronize_phase_text(r->phase));
    json_writer_time(w, "ResynchronizeCommitTime", r->commit_time);
    json_writer_number(w, "QueueNumber", r->queue_number);
    json_writer_number(w, "StateBefore", (uint64_t)r->state_before);
    json_writer_bool(w, "FromStart", r->from_start);
    json_writer_bool(w, "OverwriteReplica", r->overwrite_replica);
    json_writer_bool(w, "AdoptIdentity", r->adopt_identity);
    json_writer_bool(w, "CancelPending", r->cancel_pending);
    json_writer_text(w, "SuspendCause", r->suspend_cause);
    json_writer_guid(w, "LastResynchronizeId", &r->last_resync_id);
    json_writer_text(w, "LastOutcome", resynchronize_outcome_text(r->last_outcome));
    json_writer_bool(w, "LastUnbegun", r->last_unbegun);
    if (r->error.status != STATUS_OK)
        json_writer_value(w, "LastError", js_from_status(&r->error));
    json_writer_number(w, "FailedAttempts", r->attempts);
    json_writer_time(w, "NextAttemptTime", r->next_attempt);
}

static void put_time_of_day(struct json_writer *w, const char *name, uint32_t seconds)
{
    char text[TIME_OF_DAY_SIZE];
    json_writer_text(w, name, time_of_day_format(seconds, text));
}

static void put_schedule(struct json_writer *w, const struct resync_schedule *schedule)
{
    json_writer_bool(w, "AutoResynchronizeEnabled", schedule->enabled);
    json_writer_bool(w, "AutoResynchronizeIntervalGiven", schedule->window_given);
    put_time_of_day(w, "AutoResynchronizeIntervalStart", schedule->start_s);
    put_time_of_day(w, "AutoResynchronizeIntervalEnd", schedule->end_s);
    json_writer_bool(w, "AutoResynchronizeSuspendAtIntervalEnd", schedule->suspend_at_end);
    json_writer_time(w, "ResynchronizeStoppedTime", schedule->stopped);
    json_writer_time(w, "NotStartedToldTime", schedule->told);
    json_writer_time(w, "ResynchronizeRunSince", schedule->run_since);
    json_writer_bool(w, "SuspendedByIntervalEnd", schedule->suspended_by_end);
    json_writer_time(w, "ResynchronizeStartTime", schedule->start_time);
    json_writer_bool(w, "StartOverwritesReplica", schedule->start_overwrite);
    json_writer_bool(w, "StartAdoptsIdentity", schedule->start_adopt_identity);
}

enum status relationship_to_json(const struct relationship *r, json_t **out)
{
    struct json_writer w = json_writer_begin(r->unknown);
    json_writer_guid(&w, "VMId", &r->id);
    json_writer_text(&w, "VMName", r->name);
    json_writer_text(&w, "ReplicationMode", replication_mode_text(r->mode));
    json_writer_number(&w, "ReplicationState", (uint64_t)r->state);
    json_writer_text(&w, "ResynchronizeRequiredReason", resynchronize_reason_text(r->reason));
    json_writer_text(&w, "ReplicaServerName", r->replica_server);
    json_writer_number(&w, "ReplicaServerPort", r->replica_port);
    json_writer_text(&w, "PrimaryServerName", r->primary_server);
    json_writer_text(&w, "AllowedPrimaryServer", r->allowed_primary);
    json_writer_number(&w, "BandwidthLimit", r->bandwidth_limit);
    json_writer_time(&w, "LastReplicationTime", r->last_replication_time);
    json_writer_number(&w, "MeasuredBytesPerSecond", r->measured_rate);
    json_writer_time(&w, "ComparingSince", r->comparing_since);
    json_writer_value(&w, "LastComparison", comparison_to_json(&r->comparison, true));
    json_writer_time(&w, "LastLookTime", r->last_look_time);
    json_writer_bool(&w, "LookInUse", r->look_in_use);
    json_writer_time(&w, "LookInUseSince", r->look_in_use_since);
    json_writer_bool(&w, "ClocksDiffer", r->clocks_differ);
    put_resynchronization(&w, r);
    put_schedule(&w, &r->schedule);
    json_writer_value(&w, "Disks", disks_to_json(r));
    json_t *object = json_writer_end(&w);
    if (object)
        *out = object;
    return w.status;
}

// ---- reading ----

struct reader {
    json_t *rest; // what was not read yet
    enum status status;
};

static void damaged(struct reader *rd, const char *name)
{
    rd->status = status_fail(STATUS_DAMAGED, 0,
                             "The member \"%s\" is missing or has an impossible value.", name);
}

// Notes the result of reading `name` and takes it out of what is left.
static void taken(struct reader *rd, const char *name, enum status s)
{
    if (s != STATUS_OK)
        damaged(rd, name);
    else
        (void)json_object_del(rd->rest,
                              name); // fails when an optional member is absent: nothing to take
}

static void get_text(struct reader *rd, const char *name, char **out)
{
    const char *text;
    if (rd->status != STATUS_OK)
        return;
    enum status s = js_opt_string(rd->rest, name, NULL, &text);
    if (s == STATUS_OK && relationship_set_text(out, text) != STATUS_OK)
        rd->status = STATUS_OUT_OF_MEMORY;
    else
        taken(rd, name, s);
}

static uint64_t get_number(struct reader *rd, const char *name, uint64_t limit)
{
    uint64_t value = 0;
    if (rd->status != STATUS_OK)
        return 0;
    enum status s = js_opt_u64(rd->rest, name, 0, &value);
    taken(rd, name, s == STATUS_OK && value > limit ? STATUS_DAMAGED : s);
    return value;
}

static bool get_bool(struct reader *rd, const char *name)
{
    bool value = false;
    if (rd->status == STATUS_OK)
        taken(rd, name, js_opt_bool(rd->rest, name, false, &value));
    return value;
}

static void get_guid(struct reader *rd, const char *name, struct guid *out)
{
    if (rd->status == STATUS_OK)
        taken(rd, name, js_opt_guid(rd->rest, name, out));
}

static uint64_t get_wide(struct reader *rd, const char *name)
{
    const char *text;
    uint64_t value = 0;
    if (rd->status != STATUS_OK)
        return 0;
    enum status s = js_opt_string(rd->rest, name, "0", &text);
    if (s == STATUS_OK) {
        char *end;
        value = strtoull(text, &end, 10);
        char again[24]; // exactly what we write, so neither signs nor overflow nor other notations
        snprintf(again, sizeof again, "%" PRIu64, value);
        if (strcmp(again, text) != 0)
            s = STATUS_DAMAGED;
    }
    taken(rd, name, s);
    return value;
}

static int64_t get_time(struct reader *rd, const char *name)
{
    const char *text;
    int64_t time = 0;
    if (rd->status != STATUS_OK)
        return 0;
    enum status s = js_opt_string(rd->rest, name, NULL, &text);
    if (s == STATUS_OK && text && !clock_parse_utc(text, &time))
        s = STATUS_DAMAGED;
    taken(rd, name, s);
    return time;
}

// The value below `count` whose text is the member's; absent: 0.
#define GET_ENUM(rd, name, last, text_of, target)                                    \
    do {                                                                             \
        const char *get_enum_text = NULL;                                            \
        if ((rd)->status != STATUS_OK)                                               \
            break;                                                                   \
        enum status get_enum_status =                                                \
            js_opt_string((rd)->rest, (name), text_of(0), &get_enum_text);           \
        unsigned get_enum_value = 0;                                                 \
        while (get_enum_status == STATUS_OK && get_enum_value <= (unsigned)(last) && \
               strcmp(text_of(get_enum_value), get_enum_text) != 0)                  \
            get_enum_value++;                                                        \
        if (get_enum_status == STATUS_OK && get_enum_value > (unsigned)(last))       \
            get_enum_status = STATUS_DAMAGED;                                        \
        taken((rd), (name), get_enum_status);                                        \
        if ((rd)->status == STATUS_OK)                                               \
            *(target) = get_enum_value;                                              \
    } while (0)

static enum replication_state get_state(struct reader *rd, const char *name)
{
    uint64_t number = get_number(rd, name, REPLICATION_RESYNCHRONIZE_SUSPENDED);
    enum replication_state state = (enum replication_state)number;
    if (rd->status == STATUS_OK && strcmp(replication_state_text(state), "Unknown") == 0)
        damaged(rd, name);
    return state;
}

// A member that is an object, taken out; NULL when absent. Caller frees.
static json_t *take_object(struct reader *rd, const char *name)
{
    if (rd->status != STATUS_OK)
        return NULL;
    json_t *value = json_object_get(rd->rest, name);
    if (!value || json_is_null(value)) {
        (void)json_object_del(rd->rest, name);
        return NULL;
    }
    if (!json_is_object(value)) {
        damaged(rd, name);
        return NULL;
    }
    json_incref(value);
    (void)json_object_del(rd->rest, name);
    return value;
}

// Starts reading `object`, which stays as it is.
static struct reader read_from(const json_t *object)
{
    struct reader rd = {.rest = json_copy((json_t *)object)};
    rd.status = rd.rest ? STATUS_OK : status_no_memory("a state file");
    return rd;
}

// What nobody took, or NULL.
static json_t *leftover(struct reader *rd)
{
    json_t *rest = rd->rest;
    rd->rest = NULL;
    if (rest && rd->status == STATUS_OK && json_object_size(rest) > 0)
        return rest;
    json_decref(rest);
    return NULL;
}

static bool get_identity(struct reader *rd, const char *name, struct vhd_identity *out)
{
    json_t *object = take_object(rd, name);
    if (!object)
        return false;
    struct reader in = read_from(object);
    out->format = (enum vhd_format)get_number(&in, "Format", VHD_FORMAT_VHDX);
    out->virtual_size = get_wide(&in, "VirtualSize");
    get_guid(&in, "Guid", &out->guid);
    out->sequence_number = get_wide(&in, "SequenceNumber");
    out->file_size = get_wide(&in, "FileSize");
    out->write_time = get_wide(&in, "WriteTime");
    json_decref(leftover(&in));
    rd->status = in.status;
    json_decref(object);
    return in.status == STATUS_OK;
}

static enum status disk_from_json(const json_t *object, struct relationship_disk *disk)
{
    struct guid file = {{0}};
    struct reader rd = read_from(object);
    get_text(&rd, "Path", &disk->path);
    if (rd.status == STATUS_OK && (!disk->path || !os_path_is_absolute(disk->path)))
        damaged(&rd, "Path");
    get_text(&rd, "PeerName", &disk->peer_name);
    disk->file_known = json_object_get(rd.rest, "FileId") != NULL;
    disk->file.volume = get_wide(&rd, "Volume");
    get_guid(&rd, "FileId", &file);
    memcpy(disk->file.file, file.bytes, sizeof disk->file.file);
    disk->identity_saved = get_identity(&rd, "Identity", &disk->identity);
    disk->compared_saved = get_identity(&rd, "Compared", &disk->compared);
    disk->cursor = get_wide(&rd, "Cursor");
    disk->total = get_wide(&rd, "VirtualSize");
    disk->reserved = get_bool(&rd, "Reserved");
    disk->merged = get_bool(&rd, "Merged");
    get_guid(&rd, "AdoptId", &disk->adopt_id);
    if (rd.status == STATUS_OK && disk->cursor > disk->total)
        damaged(&rd, "Cursor");
    disk->unknown = leftover(&rd);
    return rd.status;
}

static void get_disks(struct reader *rd, struct relationship *r)
{
    if (rd->status != STATUS_OK)
        return;
    json_t *array = json_object_get(rd->rest, "Disks");
    size_t count = json_array_size(array);
    if (count == 0 || count > RELATIONSHIP_DISKS_MAX) {
        damaged(rd, "Disks");
        return;
    }
    r->disks = calloc(count, sizeof *r->disks);
    if (!r->disks) {
        rd->status = status_no_memory("the disks of a relationship");
        return;
    }
    r->disk_count = count;
    for (size_t i = 0; i < count && rd->status == STATUS_OK; i++) {
        rd->status = disk_from_json(json_array_get(array, i), &r->disks[i]);
        if (rd->status != STATUS_OK)
            status_context("Disk %zu", i + 1);
    }
    (void)json_object_del(rd->rest, "Disks");
}

static void get_resynchronization(struct reader *rd, struct relationship *r)
{
    get_guid(rd, "ResynchronizeId", &r->resync_id);
    GET_ENUM(rd, "ResynchronizePhase", PHASE_MERGED, resynchronize_phase_text, &r->phase);
    r->commit_time = get_time(rd, "ResynchronizeCommitTime");
    r->queue_number = get_number(rd, "QueueNumber", INT64_MAX);
    r->state_before = get_state(rd, "StateBefore");
    r->from_start = get_bool(rd, "FromStart");
    r->overwrite_replica = get_bool(rd, "OverwriteReplica");
    r->adopt_identity = get_bool(rd, "AdoptIdentity");
    r->cancel_pending = get_bool(rd, "CancelPending");
    get_text(rd, "SuspendCause", &r->suspend_cause);
    get_guid(rd, "LastResynchronizeId", &r->last_resync_id);
    GET_ENUM(rd, "LastOutcome", OUTCOME_MERGED, resynchronize_outcome_text, &r->last_outcome);
    r->last_unbegun = get_bool(rd, "LastUnbegun");
    json_t *error = take_object(rd, "LastError");
    if (error)
        js_to_status(error, &r->error);
    json_decref(error);
    r->attempts = (unsigned)get_number(rd, "FailedAttempts", UINT32_MAX);
    r->next_attempt = get_time(rd, "NextAttemptTime");
}

static void get_time_of_day(struct reader *rd, const char *name, uint32_t *seconds)
{
    const char *text;
    if (rd->status != STATUS_OK)
        return;
    enum status s = js_opt_string(rd->rest, name, NULL, &text);
    if (s == STATUS_OK && text && !time_of_day_parse(text, seconds))
        s = STATUS_DAMAGED;
    taken(rd, name, s);
}

// A record of minor version 0 has none of it: the defaults stay.
static void get_schedule(struct reader *rd, struct resync_schedule *schedule)
{
    schedule->enabled = get_bool(rd, "AutoResynchronizeEnabled");
    schedule->window_given = get_bool(rd, "AutoResynchronizeIntervalGiven");
    get_time_of_day(rd, "AutoResynchronizeIntervalStart", &schedule->start_s);
    get_time_of_day(rd, "AutoResynchronizeIntervalEnd", &schedule->end_s);
    schedule->suspend_at_end = get_bool(rd, "AutoResynchronizeSuspendAtIntervalEnd");
    schedule->stopped = get_time(rd, "ResynchronizeStoppedTime");
    schedule->told = get_time(rd, "NotStartedToldTime");
    schedule->run_since = get_time(rd, "ResynchronizeRunSince");
    schedule->suspended_by_end = get_bool(rd, "SuspendedByIntervalEnd");
    schedule->start_time = get_time(rd, "ResynchronizeStartTime");
    schedule->start_overwrite = get_bool(rd, "StartOverwritesReplica");
    schedule->start_adopt_identity = get_bool(rd, "StartAdoptsIdentity");
}

static void get_comparison(struct reader *rd, struct relationship *r)
{
    json_t *object = take_object(rd, "LastComparison");
    if (object)
        rd->status = comparison_from_json(object, r->disk_count, &r->comparison);
    json_decref(object);
}

enum status relationship_from_json(json_t *object, struct relationship **out)
{
    struct relationship *r = relationship_new();
    if (!r)
        return status_no_memory("a relationship");
    struct reader rd = read_from(object);
    // The stamp of js_save_file, not members of the relationship.
    for (const char *const *stamp = (const char *const[]){"format", "major", "minor", NULL}; *stamp;
         stamp++)
        (void)json_object_del(rd.rest, *stamp);
    get_guid(&rd, "VMId", &r->id);
    get_text(&rd, "VMName", &r->name);
    if (rd.status == STATUS_OK && (!r->name || relationship_check_name(r->name) != STATUS_OK))
        damaged(&rd, "VMName");
    GET_ENUM(&rd, "ReplicationMode", MODE_REPLICA, replication_mode_text, &r->mode);
    r->state = get_state(&rd, "ReplicationState");
    GET_ENUM(&rd, "ResynchronizeRequiredReason", REASON_FINISHED_ELSEWHERE,
             resynchronize_reason_text, &r->reason);
    get_text(&rd, "ReplicaServerName", &r->replica_server);
    r->replica_port = (uint16_t)get_number(&rd, "ReplicaServerPort", UINT16_MAX);
    get_text(&rd, "PrimaryServerName", &r->primary_server);
    get_text(&rd, "AllowedPrimaryServer", &r->allowed_primary);
    r->bandwidth_limit = get_number(&rd, "BandwidthLimit", INT64_MAX);
    r->last_replication_time = get_time(&rd, "LastReplicationTime");
    r->measured_rate = get_number(&rd, "MeasuredBytesPerSecond", INT64_MAX);
    r->last_look_time = get_time(&rd, "LastLookTime");
    r->look_in_use = get_bool(&rd, "LookInUse");
    r->clocks_differ = get_bool(&rd, "ClocksDiffer");
    r->look_in_use_since = get_time(&rd, "LookInUseSince");
    r->comparing_since = get_time(&rd, "ComparingSince");
    get_resynchronization(&rd, r);
    get_schedule(&rd, &r->schedule);
    get_disks(&rd, r);
    get_comparison(&rd, r);
    if (rd.status == STATUS_OK && r->mode == MODE_NONE)
        damaged(&rd, "ReplicationMode");
    if (rd.status == STATUS_OK && r->mode == MODE_PRIMARY && guid_is_zero(&r->id))
        damaged(&rd, "VMId");
    r->unknown = leftover(&rd);
    if (rd.status != STATUS_OK) {
        relationship_free(r);
        return rd.status;
    }
    *out = r;
    return STATUS_OK;
}
