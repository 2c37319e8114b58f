// Digests of units and leaves, keyed for one connection: XXH3 with a secret that both hosts' nonces
// make, so that what a guest wrote yesterday cannot be made to collide today. Against chance, not
// against a guest that knows the key. A unit's digest is that of its leaves' digests, so that both
// come from one reading, and a unit of which only some leaves were written is digested from those
// and the known digests of the others.
#ifndef VREP_SERVICE_REPLICATE_UNIT_DIGEST_H
#define VREP_SERVICE_REPLICATE_UNIT_DIGEST_H

#include "service/wire/hello.h"
#include "service/wire/message.h"

#define DIGEST_SECRET_SIZE 192

struct digest_key {
    uint8_t secret[DIGEST_SECRET_SIZE];
};

void digest_key_derive(const uint8_t primary_nonce[WIRE_NONCE_SIZE],
                       const uint8_t replica_nonce[WIRE_NONCE_SIZE], struct digest_key *out);

struct unit_digests {
    uint8_t leaf[UNIT_LEAVES][DIGEST_SIZE]; // those past a short unit's end are zero
    uint8_t unit[DIGEST_SIZE];
};

// Digests of a unit's leaves, then of the unit.
void digest_unit(const struct digest_key *key, const void *unit, uint32_t length,
                 struct unit_digests *out);

// Digest of one leaf.
void digest_leaf(const struct digest_key *key, const void *leaf, uint32_t length,
                 uint8_t out[DIGEST_SIZE]);

// digests->unit from digests->leaf.
void digest_join(const struct digest_key *key, struct unit_digests *digests);

// What a LEAVES entry carries: the beginning of each leaf's digest.
void digest_shorten(const struct unit_digests *digests,
                    uint8_t out[UNIT_LEAVES * LEAF_DIGEST_SIZE]);

#endif
