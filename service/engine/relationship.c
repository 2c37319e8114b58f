#include "service/engine/relationship.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf.h"

struct relationship *relationship_new(void)
{
    struct relationship *r = calloc(1, sizeof *r);
    if (r) {
        r->schedule.start_s = SCHEDULE_START_DEFAULT_S;
        r->schedule.end_s = SCHEDULE_END_DEFAULT_S;
    }
    return r;
}

static void free_disks(struct relationship_disk *disks, size_t count)
{
    for (size_t i = 0; disks && i < count; i++) {
        free(disks[i].path);
        free(disks[i].peer_name);
        json_decref(disks[i].unknown);
    }
    free(disks);
}

void relationship_free(struct relationship *r)
{
    if (!r)
        return;
    free_disks(r->disks, r->disk_count);
    free(r->name);
    free(r->replica_server);
    free(r->primary_server);
    free(r->allowed_primary);
    free(r->suspend_cause);
    comparison_free(&r->comparison);
    json_decref(r->unknown);
    free(r);
}

enum status relationship_set_text(char **text, const char *value)
{
    char *copy = NULL;
    if (value && !(copy = strdup(value)))
        return status_no_memory("a text of a relationship");
    free(*text);
    *text = copy;
    return STATUS_OK;
}

enum status relationship_set_disks(struct relationship *r, const char *const *paths, size_t count)
{
    if (count == 0 || count > RELATIONSHIP_DISKS_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "A relationship has 1 to %d disks; %zu were given.",
                           RELATIONSHIP_DISKS_MAX, count);
    struct relationship_disk *disks = calloc(count, sizeof *disks);
    for (size_t i = 0; disks && i < count; i++) {
        disks[i].path = strdup(paths[i]);
        if (!disks[i].path) {
            free_disks(disks, count);
            disks = NULL;
        }
    }
    if (!disks)
        return status_no_memory("the disks of a relationship");
    free_disks(r->disks, r->disk_count);
    r->disks = disks;
    r->disk_count = count;
    return STATUS_OK;
}

// Copies what calloc and a structure assignment cannot; on failure the copy owns nothing of the
// original's.
static bool copy_disk(const struct relationship_disk *from, struct relationship_disk *to)
{
    *to = *from;
    to->path = strdup(from->path);
    to->peer_name = NULL;
    to->unknown = json_deep_copy(from->unknown);
    return to->path && (!from->unknown || to->unknown) &&
           relationship_set_text(&to->peer_name, from->peer_name) == STATUS_OK;
}

static bool copy_texts(const struct relationship *from, struct relationship *to)
{
    char *const sources[] = {from->name, from->replica_server, from->primary_server,
                             from->allowed_primary, from->suspend_cause};
    char **const targets[] = {&to->name, &to->replica_server, &to->primary_server,
                              &to->allowed_primary, &to->suspend_cause};
    bool copied = true;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        *targets[i] = NULL;
        copied = copied && relationship_set_text(targets[i], sources[i]) == STATUS_OK;
    }
    return copied;
}

struct relationship *relationship_copy(const struct relationship *r)
{
    struct relationship *copy = malloc(sizeof *copy);
    if (!copy)
        return NULL;
    *copy = *r;
    copy->disks = calloc(r->disk_count ? r->disk_count : 1, sizeof *copy->disks);
    copy->disk_count = copy->disks ? r->disk_count : 0;
    copy->unknown = json_deep_copy(r->unknown);
    copy->comparison = (struct comparison){.outcome = COMPARISON_NONE};
    bool copied = copy_texts(r, copy) && copy->disks &&
                  comparison_copy(&r->comparison, &copy->comparison) == STATUS_OK &&
                  (!r->unknown || copy->unknown);
    for (size_t i = 0; copied && i < r->disk_count; i++)
        copied = copy_disk(&r->disks[i], &copy->disks[i]);
    if (!copied) {
        relationship_free(copy);
        return NULL;
    }
    return copy;
}

enum status relationship_check_name(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length > RELATIONSHIP_NAME_MAX)
        return status_fail(
            STATUS_INVALID_ARGUMENT, 0,
            "The name of a virtual machine has 1 to %d bytes of UTF-8; this one has %zu.",
            RELATIONSHIP_NAME_MAX, length);
    if (!utf8_is_valid(name, length))
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The name of the virtual machine is not valid UTF-8.");
    size_t spaces = 0;
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)name[i];
        // U+0080 to U+009F are control characters too: C2 80 to C2 9F.
        bool c1 = c == 0xC2 && (unsigned char)name[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || c1)
            return status_fail(
                STATUS_INVALID_ARGUMENT, 0,
                "The name of the virtual machine has a control character at byte %zu.", i);
        spaces += c == ' ';
    }
    if (spaces == length)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The name of the virtual machine has nothing but spaces.");
    return STATUS_OK;
}

bool relationship_is_merging(const struct relationship *r)
{
    return r->phase == PHASE_COMMITTING || r->phase == PHASE_MERGING || r->phase == PHASE_MERGED;
}

const char *replication_state_text(enum replication_state state)
{
    switch (state) {
    case REPLICATION_DISABLED:
        return "Disabled";
    case REPLICATION_REPLICATING:
        return "Replicating";
    case REPLICATION_SUSPENDED:
        return "Suspended";
    case REPLICATION_ERROR:
        return "Error";
    case REPLICATION_WAITING_FOR_START_RESYNCHRONIZE:
        return "WaitingForStartResynchronize";
    case REPLICATION_RESYNCHRONIZING:
        return "Resynchronizing";
    case REPLICATION_RESYNCHRONIZE_SUSPENDED:
        return "ResynchronizeSuspended";
    }
    return "Unknown";
}

const char *replication_mode_text(enum replication_mode mode)
{
    switch (mode) {
    case MODE_NONE:
        return "None";
    case MODE_PRIMARY:
        return "Primary";
    case MODE_REPLICA:
        return "Replica";
    }
    return "Unknown";
}

const char *replication_health_text(enum replication_health health)
{
    switch (health) {
    case HEALTH_NOT_APPLICABLE:
        return "NotApplicable";
    case HEALTH_NORMAL:
        return "Normal";
    case HEALTH_WARNING:
        return "Warning";
    case HEALTH_CRITICAL:
        return "Critical";
    }
    return "Unknown";
}

const char *resynchronize_reason_text(enum resynchronize_required_reason reason)
{
    switch (reason) {
    case REASON_NONE:
        return "None";
    case REASON_NOT_YET_COMPARED:
        return "NotYetCompared";
    case REASON_DISK_CHANGED_WHILE_NOT_TRACKED:
        return "DiskChangedWhileNotTracked";
    case REASON_REPLICA_CHANGED:
        return "ReplicaChanged";
    case REASON_CANCELLED:
        return "Cancelled";
    case REASON_REQUESTED:
        return "Requested";
    case REASON_FINISHED_ELSEWHERE:
        return "FinishedElsewhere";
    }
    return "Unknown";
}

const char *resynchronize_phase_text(enum resynchronize_phase phase)
{
    switch (phase) {
    case PHASE_NONE:
        return "None";
    case PHASE_COMPARING:
        return "Comparing";
    case PHASE_COMMITTING:
        return "Committing";
    case PHASE_MERGING:
        return "Merging";
    case PHASE_MERGED:
        return "Merged";
    }
    return "Unknown";
}

const char *resynchronize_outcome_text(enum resynchronize_outcome outcome)
{
    switch (outcome) {
    case OUTCOME_NONE:
        return "None";
    case OUTCOME_CANCELLED:
        return "Cancelled";
    case OUTCOME_MERGED:
        return "Merged";
    }
    return "Unknown";
}

uint64_t relationship_retry_delay_ms(unsigned attempts)
{
    static const unsigned minutes[] = {1, 1, 2,
                                       4, 8, 10}; // by failures in a row; more: half an hour
    unsigned wait = attempts < sizeof minutes / sizeof *minutes ? minutes[attempts] : 30;
    return wait * 60000ull;
}
