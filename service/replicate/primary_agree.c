// The primary asks whether its disks may be resynchronized, and tells of a refusal.
#include <stdio.h>
#include <stdlib.h>

#include "service/replicate/primary_session.h"
#include "service/vm_events.h"

static enum status describe_disks(const struct disk_hold *hold, struct peer_disks *out)
{
    out->disk = calloc(hold->count, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("the description of disks");
    out->count = hold->count;
    for (size_t i = 0; i < hold->count; i++) {
        struct vhd_info info;
        vhd_get_info(hold->disk[i], &info);
        peer_disk_describe(&info, &out->disk[i]);
    }
    return STATUS_OK;
}

// What a refused agree means for this host's administrators.
static void tell_refusal(const struct primary_session *s, enum status st,
                         const struct pair_mismatch *mismatch, const struct peer_disks *ours)
{
    struct status_details why = *status_last();
    if (st == STATUS_MISMATCH && mismatch->present && mismatch->disk < ours->count) {
        const struct peer_disk *disk = &ours->disk[mismatch->disk];
        EventWriteDiskSizesDiffer(s->service->events, s->r->name, s->r->id.bytes,
                                  s->r->disks[mismatch->disk].path, mismatch->name, disk->size,
                                  mismatch->size, disk->logical_sector, mismatch->logical_sector,
                                  why.action);
    } else if (st == STATUS_NOT_FOUND) {
        EventWriteRelationshipNotFound(s->service->events, s->r->name, s->r->id.bytes,
                                       s->theirs.host, why.action);
    }
    (void)status_restore(&why);
}

enum status primary_agree(struct primary_session *s, enum request_verb verb,
                          const struct disk_hold *hold, bool *answered, struct agreement *out)
{
    struct request request = {.verb = verb,
                              .relationship_id = s->r->id,
                              .resync_id = s->r->resync_id,
                              .probe = s->question && verb == REQUEST_AGREE,
                              .overwrite_replica = s->r->overwrite_replica,
                              .adopt_identity = s->r->adopt_identity};
    struct pair_mismatch mismatch = {.present = false};
    struct agreement agreement = {.free_space = 0};
    json_t *reply = NULL;
    *answered = false;
    snprintf(request.vm_name, sizeof request.vm_name, "%s", s->r->name);
    enum status st = describe_disks(hold, &request.disks);
    if (st == STATUS_OK)
        st = primary_ask(s, &request, PRIMARY_ANSWER_MS, &mismatch, answered, &reply);
    if (st == STATUS_OK) {
        st = agreement_decode(reply, &agreement);
        if (st == STATUS_OK && agreement.disks.count != hold->count)
            st = status_fail(STATUS_PROTOCOL, 0, "The replica agreed on another number of disks.");
        if (st == STATUS_OK)
            *out = agreement;
        else
            agreement_free(&agreement);
    } else if (*answered && !s->question) {
        tell_refusal(s, st, &mismatch, &request.disks);
    }
    json_decref(reply);
    request_free(&request);
    return st;
}
