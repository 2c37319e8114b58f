#include "ps/client/ctl/render.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ps/client/ctl/ctl.h"
#include "ps/client/ctl/text.h"

#define LABEL_COLUMNS 22

static void line(const char *label, const char *format, ...) PRINTF_LIKE(2, 3);

// "Label:     value"; nothing for an empty value.
static void line(const char *label, const char *format, ...)
{
    struct buffer text = {0};
    char value[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    if (value[0] && buffer_printf(&text, "%s%s", label, label[0] ? ":" : "") == STATUS_OK)
        ctl_print("%-*s%s\n", LABEL_COLUMNS, (const char *)text.data, value);
    buffer_free(&text);
}

static bool is_merging(const json_t *r)
{
    return strcmp(member_text(r, "ResynchronizeActivity"), "Merging") == 0;
}

static bool is_queued(const json_t *r)
{
    return member_number(r, "ResynchronizeQueuePosition") > 0;
}

unsigned render_percent(const json_t *r)
{
    uint64_t total =
        member_number(r, is_merging(r) ? "ResynchronizeBytesToMerge" : "ResynchronizeBytesTotal");
    uint64_t done =
        member_number(r, is_merging(r) ? "ResynchronizeBytesMerged" : "ResynchronizeBytesCompared");
    if (total == 0)
        return 0;
    return done >= total ? 100 : (unsigned)((double)done * 100 / (double)total);
}

// "1.2 GiB of 2.8 GiB", of what is compared or merged.
static enum status append_done(const json_t *r, struct buffer *out)
{
    char done[TEXT_SIZE], total[TEXT_SIZE];
    bool merging = is_merging(r);
    const char *of_done = merging ? "ResynchronizeBytesMerged" : "ResynchronizeBytesCompared";
    const char *of_total = merging ? "ResynchronizeBytesToMerge" : "ResynchronizeBytesTotal";
    return buffer_printf(out, "%s of %s", text_bytes(member_number(r, of_done), done),
                         text_bytes(member_number(r, of_total), total));
}

static enum status append_found(const json_t *r, struct buffer *out)
{
    char different[TEXT_SIZE], sent[TEXT_SIZE];
    if (is_merging(r))
        return STATUS_OK;
    return buffer_printf(out, ", %s different, %s sent",
                         text_bytes(member_number(r, "ResynchronizeBytesDifferent"), different),
                         text_bytes(member_number(r, "ResynchronizeBytesSent"), sent));
}

static enum status append_rate(const json_t *r, struct buffer *out)
{
    char text[TEXT_SIZE];
    uint64_t rate = member_number(r, "ResynchronizeBytesPerSecond");
    enum status s = STATUS_OK;
    if (rate > 0)
        s = buffer_printf(out, ", %s/s", text_bytes(rate, text));
    if (s == STATUS_OK && json_is_integer(json_object_get(r, "ResynchronizeTimeRemaining")))
        s = buffer_printf(out, ", %s left",
                          text_duration(member_number(r, "ResynchronizeTimeRemaining"), text));
    return s;
}

enum status render_progress(const json_t *r, struct buffer *out)
{
    char text[TEXT_SIZE];
    if (is_queued(r))
        return buffer_printf(out, "queued, %s",
                             text_ordinal(member_number(r, "ResynchronizeQueuePosition"), text));
    const char *activity = member_text(r, "ResynchronizeActivity");
    enum status s = buffer_printf(out, "%s%s", activity[0] ? activity : "Starting",
                                  member_is_true(r, "ResynchronizeCancelPending")
                                      ? " (the cancel waits for the replica)"
                                      : "");
    // What is to be merged is known when the replica has said so.
    const char *total = is_merging(r) ? "ResynchronizeBytesToMerge" : "ResynchronizeBytesTotal";
    if (s == STATUS_OK && member_number(r, total) > 0) {
        s = buffer_printf(out, ", %u %%, ", render_percent(r));
        // What matters most comes first: a narrow terminal cuts the rest.
        if (s == STATUS_OK)
            s = append_done(r, out);
        if (s == STATUS_OK)
            s = append_rate(r, out);
        if (s == STATUS_OK)
            s = append_found(r, out);
    }
    return s;
}

enum status render_comparing(const json_t *r, struct buffer *out)
{
    char text[TEXT_SIZE], of[TEXT_SIZE];
    const json_t *c = json_object_get(r, "Comparison");
    if (member_number(c, "QueuePosition") > 0)
        return buffer_printf(out, "queued, %s",
                             text_ordinal(member_number(c, "QueuePosition"), text));
    enum status s = buffer_printf(out, "%s", member_text(c, "Activity"));
    if (s == STATUS_OK && member_number(c, "BytesTotal") > 0)
        s = buffer_printf(out, ", %s of %s", text_bytes(member_number(c, "BytesCompared"), text),
                          text_bytes(member_number(c, "BytesTotal"), of));
    if (s == STATUS_OK && member_number(c, "BytesTotal") > 0)
        s = buffer_printf(out, ", %s different",
                          text_bytes(member_number(c, "BytesDifferent"), text));
    if (s == STATUS_OK && json_is_integer(json_object_get(c, "TimeRemaining")))
        s = buffer_printf(out, ", %s left", text_duration(member_number(c, "TimeRemaining"), text));
    return s;
}

static bool has_progress(const json_t *r)
{
    return is_queued(r) || member_number(r, "ReplicationState") == STATE_RESYNCHRONIZING;
}

// The state, and for what needs a word more, that word.
static enum status append_state(const json_t *r, struct buffer *out)
{
    if (json_is_object(json_object_get(r, "Comparison")))
        return render_comparing(r, out);
    if (has_progress(r))
        return render_progress(r, out);
    const char *reason = member_text(r, "ResynchronizeRequiredReason");
    const char *cause = member_text(r, "ResynchronizeSuspendCause");
    const char *error = member_text(json_object_get(r, "LastError"), "message");
    char text[TEXT_SIZE];
    const char *start = text_local_time(member_text(r, "ResynchronizeStartTime"), "", text);
    if (start[0])
        return buffer_printf(out, "scheduled for %s", start);
    if (cause[0])
        return buffer_printf(out, "%s", cause);
    if (error[0])
        return buffer_printf(out, "%s", error);
    if (member_text(r, "ResynchronizeRequiredMessage")[0])
        return buffer_printf(out, "resynchronization required (%s)", reason);
    return buffer_printf(out, "%s", "");
}

#define COLUMNS_MAX 5

static const char *const titles[COLUMNS_MAX] = {"NAME", "MODE", "STATE", "HEALTH", "DETAIL"};

static const char *cell(const json_t *r, unsigned column)
{
    static const char *const members[COLUMNS_MAX - 1] = {
        "VMName", "ReplicationModeText", "ReplicationStateText", "ReplicationHealthText"};
    return member_text(r, members[column]);
}

static void print_cell(const char *text, unsigned width)
{
    unsigned columns = text_columns(text);
    ctl_print("%s%*s", text, (int)(columns < width ? width - columns : 0) + 2, "");
}

void render_table(const json_t *relationships)
{
    unsigned width[COLUMNS_MAX - 1];
    size_t index;
    const json_t *r;
    if (json_array_size(relationships) == 0) {
        ctl_print("There are no relationships. 'vrepctl enable --help' shows how to make one.\n");
        return;
    }
    for (unsigned c = 0; c < COLUMNS_MAX - 1; c++) {
        width[c] = text_columns(titles[c]);
        json_array_foreach((json_t *)relationships, index, r)
        {
            unsigned columns = text_columns(cell(r, c));
            width[c] = columns > width[c] ? columns : width[c];
        }
    }
    for (unsigned c = 0; c < COLUMNS_MAX - 1; c++)
        print_cell(titles[c], width[c]);
    ctl_print("%s\n", titles[COLUMNS_MAX - 1]);
    json_array_foreach((json_t *)relationships, index, r)
    {
        struct buffer detail = {0};
        for (unsigned c = 0; c < COLUMNS_MAX - 1; c++)
            print_cell(cell(r, c), width[c]);
        if (append_state(r, &detail) == STATUS_OK)
            ctl_print("%s\n", (const char *)detail.data);
        buffer_free(&detail);
    }
}

static void render_error(const json_t *error)
{
    if (!json_is_object(error))
        return;
    line("Last error", "%s (%s, code 0x%08" PRIX64 ")", member_text(error, "message"),
         member_text(error, "code"), member_number(error, "osCode"));
    line("What to do", "%s", member_text(error, "action"));
}

static void render_disk(const json_t *disk)
{
    char text[TEXT_SIZE];
    struct buffer progress = {0};
    const char *peer = member_text(disk, "PeerName");
    line("Disk", "%s%s%s%s", member_text(disk, "Path"), peer[0] ? " (with " : "", peer,
         peer[0] ? ")" : "");
    if (member_number(disk, "VirtualSize") > 0)
        line("", "  %s", text_bytes(member_number(disk, "VirtualSize"), text));
    if (member_number(disk, "ResynchronizeBytesTotal") > 0 &&
        append_done(disk, &progress) == STATUS_OK && append_found(disk, &progress) == STATUS_OK)
        line("", "  %s", (const char *)progress.data);
    buffer_free(&progress);
}

static void render_partner(const json_t *r)
{
    bool primary = strcmp(member_text(r, "ReplicationModeText"), "Primary") == 0;
    line("Mode", "%s", member_text(r, "ReplicationModeText"));
    if (primary)
        line("Replica server", "%s, port %" PRIu64, member_text(r, "ReplicaServerName"),
             member_number(r, "ReplicaServerPort"));
    else
        line("Primary server", "%s", member_text(r, "PrimaryServerName"));
    line("Allowed primary", "%s", member_text(r, "AllowedPrimaryServer"));
}

static void render_resynchronization(const json_t *r)
{
    char text[TEXT_SIZE];
    if (has_progress(r)) {
        struct buffer progress = {0};
        if (render_progress(r, &progress) == STATUS_OK)
            line("Resynchronization", "%s", (const char *)progress.data);
        buffer_free(&progress);
        line("Started", "%s", text_local_time(member_text(r, "ResynchronizeStarted"), "", text));
    }
    line("Suspended by", "%s", member_text(r, "ResynchronizeSuspendCause"));
    if (member_text(r, "ResynchronizeRequiredMessage")[0])
        line("Required because", "%s", member_text(r, "ResynchronizeRequiredReason"));
    line("", "%s", member_text(r, "ResynchronizeRequiredMessage"));
    const char *outcome = member_text(r, "ResynchronizeLastOutcome");
    line("Last outcome", "%s", strcmp(outcome, "None") == 0 ? "" : outcome);
    if (member_number(r, "FailedAttempts") > 0)
        line("Failed attempts", "%" PRIu64 ", next one %s", member_number(r, "FailedAttempts"),
             text_local_time(member_text(r, "NextAttemptTime"), "not planned", text));
}

static void render_schedule(const json_t *r)
{
    char next[TEXT_SIZE], start[TEXT_SIZE];
    if (strcmp(member_text(r, "ReplicationModeText"), "Primary") != 0)
        return;
    if (member_is_true(r, "AutoResynchronizeEnabled"))
        line("Starts by itself", "from %s to %s%s",
             member_text(r, "AutoResynchronizeIntervalStart"),
             member_text(r, "AutoResynchronizeIntervalEnd"),
             member_is_true(r, "AutoResynchronizeSuspendAtIntervalEnd")
                 ? ", suspended at the end of it"
                 : "");
    else
        line("Starts by itself", "no");
    line("Next window", "%s",
         text_local_time(member_text(r, "AutoResynchronizeNextStart"), "", next));
    line("Scheduled for", "%s",
         text_local_time(member_text(r, "ResynchronizeStartTime"), "", start));
}

static void render_compared_disk(const json_t *r, size_t i, const json_t *disk)
{
    char text[TEXT_SIZE];
    size_t index;
    const json_t *range;
    const json_t *of = json_array_get(json_object_get(r, "Disks"), i);
    const json_t *first = json_object_get(disk, "FirstRangesDifferent");
    uint64_t ranges = member_number(disk, "RangesDifferent");
    if (ranges == 0) {
        line("Disk", "%s: nothing differs", member_text(of, "Path"));
        return;
    }
    line("Disk", "%s: %s differ, in %" PRIu64 " range%s", member_text(of, "Path"),
         text_bytes(member_number(disk, "BytesDifferent"), text), ranges, ranges == 1 ? "" : "s");
    json_array_foreach((json_t *)first, index, range)
    {
        line("", "  %" PRIu64 " bytes at %" PRIu64, member_number(range, "Length"),
             member_number(range, "Offset"));
    }
    if (ranges > json_array_size(first))
        line("", "  and %" PRIu64 " more", ranges - json_array_size(first));
}

void render_comparison(const json_t *r)
{
    char time[TEXT_SIZE], compared[TEXT_SIZE], different[TEXT_SIZE];
    const json_t *last = json_object_get(r, "LastComparison");
    const json_t *error = json_object_get(last, "Error");
    size_t index;
    const json_t *disk;
    if (!json_is_object(last))
        return;
    line("Last comparison", "%s, %s, %s compared, %s different",
         text_local_time(member_text(last, "Ended"), "", time), member_text(last, "Outcome"),
         text_bytes(member_number(last, "BytesCompared"), compared),
         text_bytes(member_number(last, "BytesDifferent"), different));
    if (json_is_object(error))
        line("", "%s %s", member_text(error, "message"), member_text(error, "action"));
    json_array_foreach(json_object_get(last, "Disks"), index, disk)
    {
        render_compared_disk(r, index, disk);
    }
    if (json_is_boolean(json_object_get(last, "ResynchronizeNeeded")))
        line("", "%s",
             member_is_true(last, "ResynchronizeNeeded")
                 ? "A resynchronization is needed: vrepctl resume --resynchronize"
                 : "No resynchronization is needed.");
}

void render_relationship(const json_t *r)
{
    char text[TEXT_SIZE];
    size_t index;
    const json_t *entry;
    line("Name", "%s", member_text(r, "VMName"));
    line("Id", "%s", member_text(r, "VMId"));
    render_partner(r);
    line("State", "%s", member_text(r, "ReplicationStateText"));
    line("Health", "%s", member_text(r, "ReplicationHealthText"));
    json_array_foreach(json_object_get(r, "ReplicationHealthDetails"), index, entry)
    {
        const char *detail = json_string_value(entry);
        if (detail && strcmp(detail, member_text(r, "ResynchronizeRequiredMessage")) != 0)
            line("", "%s", detail); // the message itself comes with its reason
    }
    render_resynchronization(r);
    render_schedule(r);
    if (json_is_object(json_object_get(r, "Comparison"))) {
        struct buffer progress = {0};
        if (render_comparing(r, &progress) == STATUS_OK)
            line("Comparison", "%s", (const char *)progress.data);
        buffer_free(&progress);
    }
    render_error(json_object_get(r, "LastError"));
    line("In step since", "%s",
         text_local_time(member_text(r, "LastReplicationTime"), "never", text));
    line("Disks looked at", "%s", text_local_time(member_text(r, "LastLookTime"), "", text));
    line("Disk in use since", "%s", text_local_time(member_text(r, "DiskInUseSince"), "", text));
    if (member_number(r, "BandwidthLimit") > 0)
        line("Bandwidth limit", "%s/s", text_bytes(member_number(r, "BandwidthLimit"), text));
    json_array_foreach(json_object_get(r, "Disks"), index, entry) render_disk(entry);
    render_comparison(r);
}

void render_server(const json_t *server)
{
    char text[TEXT_SIZE];
    uint64_t limit = member_number(server, "BandwidthLimit");
    line("Listens at", "%s, port %" PRIu64, member_text(server, "ListenAddress"),
         member_number(server, "ListenPort"));
    line("Bandwidth limit", "%s%s", limit ? text_bytes(limit, text) : "none", limit ? "/s" : "");
    line("Transfers at once", "at most %" PRIu64, member_number(server, "MaximumActiveTransfers"));
    const char *folder = member_text(server, "MetricsFolder");
    const json_t *error = json_object_get(server, "MetricsError");
    line("Metrics folder", "%s", folder[0] ? folder : "none");
    if (json_is_object(error))
        line("", "not written: %s", member_text(error, "message"));
}

void render_event(const json_t *event)
{
    char time[TEXT_SIZE];
    ctl_print("%s  %-11s  %" PRIu64 "  %s\n",
              text_local_time(member_text(event, "TimeCreated"), "-", time),
              member_text(event, "LevelText"), member_number(event, "Id"),
              member_text(event, "Message"));
}
