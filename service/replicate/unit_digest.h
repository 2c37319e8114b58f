// Digests of units and leaves, keyed for one connection: XXH3 with a secret that both hosts' nonces
// make, so that what a guest wrote yesterday cannot be made to collide today. Against chance, not
// against a guest that knows the key.
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

// Digest of a whole unit.
void digest_unit(const struct digest_key *key, const void *unit, uint32_t length,
                 uint8_t out[DIGEST_SIZE]);

// Digests of a unit's leaves; those past a short unit's end are zero.
void digest_leaves(const struct digest_key *key, const uint8_t *unit, uint32_t length,
                   uint8_t out[UNIT_LEAVES * LEAF_DIGEST_SIZE]);

bool is_all_zero(const void *data, size_t length);

#endif
