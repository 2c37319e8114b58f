#include "service/monitor/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define VALUE_SIZE 32

// The value of a sample as text, made of the object's member. False: there is no sample.
typedef bool (*metric_value)(const json_t *object, const char *member, int64_t now,
                             char text[VALUE_SIZE]);

struct metric {
    const char *name;
    const char *type;
    const char *help;
    const char *member; // of docs/control.md
    metric_value value;
};

// ---- values ----

static bool put_number(int64_t number, char text[VALUE_SIZE])
{
    snprintf(text, VALUE_SIZE, "%" PRId64, number);
    return true;
}

// Exact: a double of milliseconds would be rounded.
static bool put_seconds(int64_t ms, char text[VALUE_SIZE])
{
    snprintf(text, VALUE_SIZE, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    return true;
}

static bool number(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    (void)now;
    const json_t *value = json_object_get(object, member);
    return json_is_integer(value) && put_number(json_integer_value(value), text);
}

// 0 for what is null: nothing is running that could have a rate.
static bool number_or_0(const json_t *object, const char *member, int64_t now,
                        char text[VALUE_SIZE])
{
    return number(object, member, now, text) || put_number(0, text);
}

static bool flag(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    (void)now;
    return put_number(json_is_true(json_object_get(object, member)), text);
}

static bool is_given(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    (void)now;
    return put_number(json_is_string(json_object_get(object, member)), text);
}

static bool size(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    (void)now;
    return put_number((int64_t)json_array_size(json_object_get(object, member)), text);
}

static bool find_time(const json_t *object, const char *member, int64_t *wall_ms)
{
    const char *time = json_string_value(json_object_get(object, member));
    return time && clock_parse_utc(time, wall_ms) && *wall_ms >= 0;
}

static bool timestamp(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    (void)now;
    int64_t time;
    return find_time(object, member, &time) && put_seconds(time, text);
}

static bool age(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    int64_t time;
    return find_time(object, member, &time) && put_seconds(now > time ? now - time : 0, text);
}

// The place of the member's text among these; what is not there gives no sample.
static bool place(const json_t *object, const char *member, const char *const *words, size_t count,
                  char text[VALUE_SIZE])
{
    const char *word = json_string_value(json_object_get(object, member));
    for (size_t i = 0; word && i < count; i++)
        if (strcmp(word, words[i]) == 0)
            return put_number((int64_t)i, text);
    return false;
}

static bool outcome(const json_t *object, const char *member, int64_t now, char text[VALUE_SIZE])
{
    static const char *const words[] = {"None", "Cancelled", "Merged"};
    (void)now;
    return place(object, member, words, sizeof words / sizeof *words, text);
}

// From the commit until the end of the merge it can no longer be cancelled.
static bool merge_pending(const json_t *object, const char *member, int64_t now,
                          char text[VALUE_SIZE])
{
    static const char *const words[] = {"Committing", "Merging", "Merged"};
    (void)now;
    return put_number(place(object, member, words, sizeof words / sizeof *words, text), text);
}

// ---- families ----

static const struct metric of_status = {
    "vrep_relationships", "gauge", "Relationships that this service has.", "Relationships", size};

static const struct metric of_server[] = {
    {"vrep_active_transfers", "gauge", "Resynchronizations that have a turn now.",
     "ActiveTransfers", number},
    {"vrep_queued_transfers", "gauge", "Resynchronizations that wait for their turn.",
     "QueuedTransfers", number},
    {"vrep_maximum_active_transfers", "gauge", "How many resynchronizations may run at once.",
     "MaximumActiveTransfers", number},
    {"vrep_bandwidth_limit_bytes_per_second", "gauge",
     "Limit for all relationships of this server together; 0: none.", "BandwidthLimit", number},
    {"vrep_events_lost_total", "counter",
     "Events that a log did not take, since the service has started.", "EventsLostTotal", number},
    {"vrep_unreadable_state_files", "gauge",
     "State files that could not be read: their relationships are not served.",
     "UnreadableStateFiles", size},
};

static const struct metric of_relationship[] = {
    {"vrep_replication_mode", "gauge", "1 Primary, 2 Replica.", "ReplicationMode", number},
    {"vrep_replication_state", "gauge",
     "4 Replicating, 8 Suspended, 9 Error, 10 WaitingForStartResynchronize, 11 Resynchronizing, "
     "12 ResynchronizeSuspended.",
     "ReplicationState", number},
    {"vrep_replication_health", "gauge", "0 NotApplicable, 1 Normal, 2 Warning, 3 Critical.",
     "ReplicationHealth", number},
    {"vrep_last_replication_timestamp_seconds", "gauge",
     "When the replica was last made equal to the primary; no sample: never.",
     "LastReplicationTime", timestamp},
    {"vrep_in_step_age_seconds", "gauge",
     "Seconds since both sides were last known to be equal; primary only; no sample: never.",
     "LastInStepTime", age},
    {"vrep_resynchronize_required", "gauge",
     "1: a resynchronization is required; also while it runs.", "ResynchronizeRequiredMessage",
     is_given},
    {"vrep_merge_pending", "gauge",
     "1: a resynchronization is committed and not wholly merged; it can no longer be cancelled.",
     "ResynchronizePhase", merge_pending},
    {"vrep_resynchronize_cancel_pending", "gauge",
     "1: a cancel was asked for and the replica has not granted it.", "ResynchronizeCancelPending",
     flag},
    {"vrep_resynchronize_queue_position", "gauge", "1 is next; 0: not in the queue.",
     "ResynchronizeQueuePosition", number},
    {"vrep_resynchronize_last_outcome", "gauge",
     "Of the last resynchronization that ended: 0 None, 1 Cancelled, 2 Merged.",
     "ResynchronizeLastOutcome", outcome},
    {"vrep_resynchronize_total_bytes", "gauge",
     "What the running or last resynchronization has to compare.", "ResynchronizeBytesTotal",
     number},
    {"vrep_resynchronize_compared_bytes", "gauge", "Of these, compared.",
     "ResynchronizeBytesCompared", number},
    {"vrep_resynchronize_different_bytes", "gauge", "Of these, found different.",
     "ResynchronizeBytesDifferent", number},
    {"vrep_resynchronize_sent_bytes", "gauge", "Sent to the replica.", "ResynchronizeBytesSent",
     number},
    {"vrep_resynchronize_to_merge_bytes", "gauge", "What the replica has to merge.",
     "ResynchronizeBytesToMerge", number},
    {"vrep_resynchronize_merged_bytes", "gauge", "Of these, merged.", "ResynchronizeBytesMerged",
     number},
    {"vrep_resynchronize_bytes_per_second", "gauge",
     "Bytes compared or merged per second; 0: nothing runs.", "ResynchronizeBytesPerSecond",
     number_or_0},
    {"vrep_resynchronize_remaining_seconds", "gauge",
     "Estimated time to the end; no sample: not known.", "ResynchronizeTimeRemaining", number},
    {"vrep_consecutive_failed_attempts", "gauge", "Attempts in a row that failed.",
     "FailedAttempts", number},
    {"vrep_failed_attempts_total", "counter",
     "Attempts of resynchronizations and merges that failed, since the service has started.",
     "FailedAttemptsTotal", number},
    {"vrep_verification_failures_total", "counter",
     "Units that read back different from what was written, since the service has started.",
     "VerificationFailuresTotal", number},
};

// ---- text ----

// Label values may hold anything; these three are escaped.
static enum status append_label(struct buffer *out, const char *name, const char *value)
{
    enum status s = buffer_printf(out, "%s=\"", name);
    for (const char *p = value; *p && s == STATUS_OK;) {
        size_t plain = strcspn(p, "\\\"\n");
        s = buffer_append(out, p, plain);
        p += plain;
        if (s == STATUS_OK && *p)
            s = buffer_printf(out, "\\%c", *p == '\n' ? 'n' : *p);
        p += *p != '\0';
    }
    return s == STATUS_OK ? buffer_printf(out, "\"") : s;
}

static enum status append_head(struct buffer *out, const struct metric *metric)
{
    return buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help,
                         metric->name, metric->type);
}

static enum status append_service(struct buffer *out, const char *instance)
{
    char service[64];
    snprintf(service, sizeof service, "VRep%s%.40s", instance ? "$" : "", instance ? instance : "");
    return append_label(out, "service", service);
}

// "" for null, as for the id of a replica before its first contact.
static enum status append_member(struct buffer *out, const char *label, const json_t *object,
                                 const char *member)
{
    const char *value = json_string_value(json_object_get(object, member));
    enum status s = buffer_printf(out, ",");
    return s == STATUS_OK ? append_label(out, label, value ? value : "") : s;
}

static enum status append_sample(struct buffer *out, const struct metric *metric,
                                 const char *instance, const json_t *relationship,
                                 const char *value)
{
    enum status s = buffer_printf(out, "%s{", metric->name);
    if (s == STATUS_OK)
        s = append_service(out, instance);
    if (s == STATUS_OK && relationship)
        s = append_member(out, "vm_name", relationship, "VMName");
    if (s == STATUS_OK && relationship)
        s = append_member(out, "vm_id", relationship, "VMId");
    return s == STATUS_OK ? buffer_printf(out, "} %s\n", value) : s;
}

static enum status append_build(struct buffer *out, const char *instance)
{
    static const struct metric build = {
        .name = "vrep_build_info", .type = "gauge", .help = "1, with the version of the service."};
    enum status s = append_head(out, &build);
    if (s == STATUS_OK)
        s = buffer_printf(out, "%s{", build.name);
    if (s == STATUS_OK)
        s = append_service(out, instance);
    return s == STATUS_OK ? buffer_printf(out, ",version=\"%s\"} 1\n", VREP_VERSION) : s;
}

// A family without a sample is left out.
static enum status append_family(struct buffer *out, const struct metric *metric,
                                 const char *instance, const json_t *relationships, int64_t now)
{
    enum status s = STATUS_OK;
    bool headed = false;
    for (size_t i = 0; i < json_array_size(relationships) && s == STATUS_OK; i++) {
        const json_t *relationship = json_array_get(relationships, i);
        char text[VALUE_SIZE];
        if (!metric->value(relationship, metric->member, now, text))
            continue;
        if (!headed)
            s = append_head(out, metric);
        headed = true;
        if (s == STATUS_OK)
            s = append_sample(out, metric, instance, relationship, text);
    }
    return s;
}

static enum status append_server(struct buffer *out, const struct metric *metric,
                                 const char *instance, const json_t *object, int64_t now)
{
    char text[VALUE_SIZE];
    if (!metric->value(object, metric->member, now, text))
        return STATUS_OK;
    enum status s = append_head(out, metric);
    return s == STATUS_OK ? append_sample(out, metric, instance, NULL, text) : s;
}

enum status metrics_render(const json_t *status, const char *instance, int64_t now,
                           struct buffer *out)
{
    const json_t *server = json_object_get(status, "Server");
    const json_t *relationships = json_object_get(status, "Relationships");
    enum status s = append_build(out, instance);
    if (s == STATUS_OK)
        s = append_server(out, &of_status, instance, status, now);
    for (size_t i = 0; i < sizeof of_server / sizeof *of_server && s == STATUS_OK; i++)
        s = append_server(out, &of_server[i], instance, server, now);
    for (size_t i = 0; i < sizeof of_relationship / sizeof *of_relationship && s == STATUS_OK; i++)
        s = append_family(out, &of_relationship[i], instance, relationships, now);
    return s;
}
