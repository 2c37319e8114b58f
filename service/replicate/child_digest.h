// What a unit of a child reads as, when most of it is the base's.
#ifndef VREP_SERVICE_REPLICATE_CHILD_DIGEST_H
#define VREP_SERVICE_REPLICATE_CHILD_DIGEST_H

#include "service/replicate/digest_cache.h"
#include "vhd/vhd.h"

struct child_digest {
    struct vhd *child; // with its parents
    const struct digest_key *key;
    struct digest_cache *base; // digests of what the child's parent reads as
    uint32_t stream;           // the disk, in `base`
    uint8_t *buffer;           // UNIT_SIZE bytes, overwritten
};

// The digest of the unit at `offset` as it reads through the chain. Every leaf of which the child
// itself says that it holds any of it is read back; for the others the base's known digests stand,
// and where they are not known, the whole unit is read. Failures are those of vhd_map and vhd_read.
enum status child_digest(const struct child_digest *how, uint64_t offset, uint32_t length,
                         uint8_t out[DIGEST_SIZE]) MUST_CHECK;

#endif
