#include "service/replicate/comparison.h"

#include <stdlib.h>

#include "base/clock.h"
#include "service/replicate/primary_session.h"

static enum status check_can_compare(const struct primary_session *s)
{
    if (s->theirs.compare)
        return STATUS_OK;
    (void)status_fail(
        STATUS_VERSION, 0,
        "The replica %s (VRep %s) cannot compare without resynchronizing, as this host "
        "(VRep %s) asks for.",
        s->theirs.host, s->theirs.product, s->mine.product);
    return status_advise(0, "Upgrade VRep on %s.", s->theirs.host);
}

static enum status begin(struct primary_session *s, const struct disk_hold *hold,
                         struct comparison *out)
{
    struct agreement agreement = {.free_space = 0};
    bool answered = false;
    enum status st = primary_agree(s, REQUEST_COMPARE, hold, &answered, &agreement);
    agreement_free(&agreement);
    if (st != STATUS_OK)
        return st;
    out->disk = calloc(hold->count, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("a comparison");
    out->disk_count = s->progress.disk_count = hold->count;
    for (size_t i = 0; i < hold->count; i++) {
        struct vhd_info info;
        vhd_get_info(hold->disk[i], &info);
        out->disk[i].total = s->progress.disk[i].total = info.virtual_size;
    }
    return STATUS_OK;
}

static enum status compare(struct primary_session *s, const struct disk_hold *hold,
                           struct comparison *out)
{
    enum status st = primary_open(s, TRANSPORT_CONNECT_MS);
    if (st == STATUS_OK)
        st = check_can_compare(s);
    if (st == STATUS_OK)
        st = begin(s, hold, out);
    s->progress.activity = "Comparing";
    for (size_t i = 0; st == STATUS_OK && i < hold->count; i++)
        st = primary_compare_only(s, i, hold->disk[i], &out->disk[i]);
    if (st != STATUS_OK && primary_is_ordered(s))
        st = status_fail(STATUS_CANCELLED, 0, "The comparison was given up on request.");
    return st;
}

enum status comparison_run(const struct service_context *service, registry_key key, struct job *job,
                           const struct disk_hold *hold, struct comparison *out, uint64_t *rate)
{
    struct primary_session *s = calloc(1, sizeof *s);
    if (!s)
        return status_no_memory("a comparison");
    s->service = service;
    s->key = key;
    s->job = job;
    s->question = true; // the one who runs it tells of its failure
    s->shown_as = PROGRESS_COMPARISON;
    s->progress.activity = "Connecting";
    s->progress.started = clock_wall_ms();
    s->progress.mono_started = clock_mono_ms();
    s->progress.remaining_s = -1;
    atomic_init(&s->committing, false);
    primary_show(s, true);
    enum status st = compare(s, hold, out);
    struct status_details why = *status_last();
    *rate = primary_measured_rate(s, *rate);
    primary_close(s);
    free(s);
    return st == STATUS_OK ? STATUS_OK : status_restore(&why);
}
