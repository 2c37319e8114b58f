#include "service/replicate/unit_digest.h"

#include <string.h>
#include <xxhash.h>

_Static_assert(DIGEST_SECRET_SIZE >= XXH3_SECRET_SIZE_MIN, "long enough for XXH3");

void digest_key_derive(const uint8_t primary_nonce[WIRE_NONCE_SIZE],
                       const uint8_t replica_nonce[WIRE_NONCE_SIZE], struct digest_key *out)
{
    uint8_t seed[2 * WIRE_NONCE_SIZE];
    memcpy(seed, primary_nonce, WIRE_NONCE_SIZE);
    memcpy(seed + WIRE_NONCE_SIZE, replica_nonce, WIRE_NONCE_SIZE);
    XXH3_generateSecret(out->secret, sizeof out->secret, seed, sizeof seed);
}

void digest_unit(const struct digest_key *key, const void *unit, uint32_t length,
                 uint8_t out[DIGEST_SIZE])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(
        &canonical, XXH3_128bits_withSecret(unit, length, key->secret, sizeof key->secret));
    memcpy(out, canonical.digest, DIGEST_SIZE);
}

void digest_leaves(const struct digest_key *key, const uint8_t *unit, uint32_t length,
                   uint8_t out[UNIT_LEAVES * LEAF_DIGEST_SIZE])
{
    memset(out, 0, UNIT_LEAVES * LEAF_DIGEST_SIZE);
    for (unsigned leaf = 0; leaf < leaf_count(length); leaf++) {
        XXH64_canonical_t canonical;
        XXH64_canonicalFromHash(
            &canonical, XXH3_64bits_withSecret(unit + leaf * LEAF_SIZE, leaf_length(length, leaf),
                                               key->secret, sizeof key->secret));
        memcpy(out + leaf * LEAF_DIGEST_SIZE, canonical.digest, LEAF_DIGEST_SIZE);
    }
}

bool is_all_zero(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t head = length < 16 ? length : 16;
    for (size_t i = 0; i < head; i++)
        if (bytes[i] != 0)
            return false;
    // The first bytes are zero: all are when every byte equals the one 16 before it.
    return length <= 16 || memcmp(bytes, bytes + 16, length - 16) == 0;
}
