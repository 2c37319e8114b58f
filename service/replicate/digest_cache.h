// The digests of a base's leaves as the hashing thread has read them. The base is not written while
// a child exists, so they stay true: leaves are answered for, and what was written into the child
// is verified, without reading the base once more. Holds CACHE_SPAN of a disk; what does not fit
// any more is forgotten, and whoever misses it reads the base.
#ifndef VREP_SERVICE_REPLICATE_DIGEST_CACHE_H
#define VREP_SERVICE_REPLICATE_DIGEST_CACHE_H

#include "base/status.h"
#include "service/replicate/unit_digest.h"

struct digest_cache;

enum status digest_cache_new(struct digest_cache **out) MUST_CHECK;
void digest_cache_free(struct digest_cache *cache); // NULL is fine

// Any thread. `stream` is the disk, `offset` a unit's beginning.
void digest_cache_put(struct digest_cache *cache, uint32_t stream, uint64_t offset,
                      const struct unit_digests *digests);
// False: not known.
bool digest_cache_get(struct digest_cache *cache, uint32_t stream, uint64_t offset,
                      struct unit_digests *out);

#endif
