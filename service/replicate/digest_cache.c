#include "service/replicate/digest_cache.h"

#include <pthread.h>
#include <stdlib.h>

// The replica hashes 512 MiB ahead of the primary, whose windows of 256 MiB are verified one
// behind.
#define CACHE_SPAN  (1ull << 30)
#define CACHE_UNITS (CACHE_SPAN / UNIT_SIZE)

struct slot {
    bool used;
    uint32_t stream;
    uint64_t offset;
    struct unit_digests digests;
};

struct digest_cache {
    pthread_mutex_t mutex;
    struct slot slots[CACHE_UNITS]; // a unit has one place
};

enum status digest_cache_new(struct digest_cache **out)
{
    struct digest_cache *cache = calloc(1, sizeof *cache);
    if (!cache || pthread_mutex_init(&cache->mutex, NULL) != 0) {
        free(cache);
        return status_no_memory("digests");
    }
    *out = cache;
    return STATUS_OK;
}

void digest_cache_free(struct digest_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

static struct slot *slot_of(struct digest_cache *cache, uint64_t offset)
{
    return &cache->slots[offset / UNIT_SIZE % CACHE_UNITS];
}

void digest_cache_put(struct digest_cache *cache, uint32_t stream, uint64_t offset,
                      const struct unit_digests *digests)
{
    struct slot *slot = slot_of(cache, offset);
    pthread_mutex_lock(&cache->mutex);
    *slot = (struct slot){.used = true, .stream = stream, .offset = offset, .digests = *digests};
    pthread_mutex_unlock(&cache->mutex);
}

bool digest_cache_get(struct digest_cache *cache, uint32_t stream, uint64_t offset,
                      struct unit_digests *out)
{
    const struct slot *slot = slot_of(cache, offset);
    pthread_mutex_lock(&cache->mutex);
    bool known = slot->used && slot->stream == stream && slot->offset == offset;
    if (known)
        *out = slot->digests;
    pthread_mutex_unlock(&cache->mutex);
    return known;
}
