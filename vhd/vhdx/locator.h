// The parent locator: how a differencing disk names its parent ([MS-VHDX] 2.6.2.6).
#ifndef VREP_VHD_VHDX_LOCATOR_H
#define VREP_VHD_VHDX_LOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/guid.h"
#include "base/status.h"

#define VHDX_LOCATOR_PAIRS_MAX 256 // the limit of Windows' driver

#define VHDX_KEY_LINKAGE       "parent_linkage"
#define VHDX_KEY_LINKAGE2      "parent_linkage2"
#define VHDX_KEY_RELATIVE_PATH "relative_path"
#define VHDX_KEY_VOLUME_PATH   "volume_path"
#define VHDX_KEY_ABSOLUTE_PATH "absolute_win32_path"

struct vhdx_locator_pair {
    char *key; // UTF-8, as the value; both owned
    char *value;
};

// Zero-initialize; free with vhdx_locator_free.
struct vhdx_locator {
    struct vhdx_locator_pair *pairs; // in the order of the file
    size_t count;
};

// Takes a locator item apart. STATUS_DAMAGED: strings out of bounds, not UTF-16, with NULs, or keys
// twice; STATUS_UNSUPPORTED: the parent is not a VHDX. Messages name no file: add it with
// status_context.
enum status vhdx_locator_decode(const uint8_t *raw, size_t size,
                                struct vhdx_locator *out) MUST_CHECK;

// Builds the item, strings packed as Windows packs them. *raw is allocated.
// STATUS_INVALID_ARGUMENT: a string is empty, not UTF-8 or longer than 32767 units.
enum status vhdx_locator_encode(const struct vhdx_locator *locator, uint8_t **raw,
                                size_t *size) MUST_CHECK;

void vhdx_locator_free(struct vhdx_locator *locator);

// The value of `key` (case matters), owned by the locator; NULL when it is not there.
const char *vhdx_locator_find(const struct vhdx_locator *locator, const char *key);

// Replaces the value of `key`, or appends the pair.
enum status vhdx_locator_set(struct vhdx_locator *locator, const char *key,
                             const char *value) MUST_CHECK;

// The same with a GUID, lower-case in braces.
enum status vhdx_locator_set_guid(struct vhdx_locator *locator, const char *key,
                                  const struct guid *value) MUST_CHECK;

// False: the key is not there or not a GUID.
bool vhdx_locator_find_guid(const struct vhdx_locator *locator, const char *key, struct guid *out);

#endif
