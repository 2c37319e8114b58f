#include "service/supervise/standstill.h"

#include "service/vm_events.h"

#define STALLED_MS 60000 // without any progress for so long, a running task is called stalled

static uint64_t sum_of(const struct resync_progress *progress)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < progress->disk_count; i++)
        sum += progress->disk[i].compared + progress->disk[i].sent + progress->disk[i].verified +
               progress->disk[i].merged;
    return sum;
}

bool standstill_look(struct registry *registry, registry_key key, struct standstill_watch *watch,
                     int64_t now, struct resync_progress *progress, struct standstill *out)
{
    if (!registry_get_progress(registry, key, PROGRESS_RESYNC, progress))
        return false;
    uint64_t sum = sum_of(progress);
    int64_t since = watch->since;
    bool moved = sum != watch->seen;
    if (moved) {
        watch->seen = sum;
        watch->since = now;
    }
    if (watch->stalled ? !moved : now - since < STALLED_MS)
        return false;
    watch->stalled = !watch->stalled;
    *out = (struct standstill){key, watch->stalled, (uint64_t)(now - since) / 1000,
                               progress->activity ? progress->activity : ""};
    return true;
}

void standstill_tell(const struct service_context *service, const struct standstill *what)
{
    struct relationship *r;
    if (registry_get(service->registry, what->key, &r) != STATUS_OK)
        return;
    if (what->stalled)
        EventWriteResynchronizeStalled(service->events, r->name, r->id.bytes, r->resync_id.bytes,
                                       what->seconds, what->activity);
    else
        EventWriteResynchronizeRecovered(service->events, r->name, r->id.bytes, r->resync_id.bytes,
                                         what->seconds);
    relationship_free(r);
}
