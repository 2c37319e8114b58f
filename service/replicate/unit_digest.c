#include "service/replicate/unit_digest.h"

#include <string.h>
#include <xxhash.h>

#include "service/replicate/xxh3_128.h"

_Static_assert(DIGEST_SIZE == XXH3_128_SIZE, "a whole XXH3-128");
_Static_assert(DIGEST_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "long enough for XXH3");

void digest_key_derive(const uint8_t primary_nonce[WIRE_NONCE_SIZE],
                       const uint8_t replica_nonce[WIRE_NONCE_SIZE], struct digest_key *out)
{
    uint8_t seed[2 * WIRE_NONCE_SIZE];
    memcpy(seed, primary_nonce, WIRE_NONCE_SIZE);
    memcpy(seed + WIRE_NONCE_SIZE, replica_nonce, WIRE_NONCE_SIZE);
    XXH3_generateSecret(out->secret, sizeof out->secret, seed, sizeof seed);
}

void digest_leaf(const struct digest_key *key, const void *leaf, uint32_t length,
                 uint8_t out[DIGEST_SIZE])
{
    xxh3_128(leaf, length, key->secret, sizeof key->secret, out);
}

void digest_join(const struct digest_key *key, struct unit_digests *digests)
{
    xxh3_128(digests->leaf, sizeof digests->leaf, key->secret, sizeof key->secret, digests->unit);
}

void digest_unit(const struct digest_key *key, const void *unit, uint32_t length,
                 struct unit_digests *out)
{
    const uint8_t *bytes = unit;
    unsigned leaves = leaf_count(length);
    for (unsigned leaf = 0; leaf < leaves; leaf++)
        digest_leaf(key, bytes + leaf * LEAF_SIZE, leaf_length(length, leaf), out->leaf[leaf]);
    memset(out->leaf[leaves], 0, (UNIT_LEAVES - leaves) * sizeof out->leaf[0]);
    digest_join(key, out);
}

void digest_shorten(const struct unit_digests *digests, uint8_t out[UNIT_LEAVES * LEAF_DIGEST_SIZE])
{
    for (unsigned leaf = 0; leaf < UNIT_LEAVES; leaf++)
        memcpy(out + leaf * LEAF_DIGEST_SIZE, digests->leaf[leaf], LEAF_DIGEST_SIZE);
}
