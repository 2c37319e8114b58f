// Any bytes as a parent locator: what can be read can be written, and reads the same again; its
// paths become candidates.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "vhd/format.h"
#include "vhd/vhdx/locator.h"
#include "vhd/relative_path.h"

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_again(const struct vhdx_locator *locator)
{
    struct vhdx_locator again;
    uint8_t *raw;
    size_t size;
    if (vhdx_locator_encode(locator, &raw, &size))
        abort();
    if (vhdx_locator_decode(raw, size, &again))
        abort();
    assert(again.count == locator->count);
    for (size_t i = 0; i < again.count; i++) {
        assert(strcmp(again.pairs[i].key, locator->pairs[i].key) == 0);
        assert(strcmp(again.pairs[i].value, locator->pairs[i].value) == 0);
    }
    vhdx_locator_free(&again);
    free(raw);
}

static void follow(const struct vhdx_locator *locator)
{
    struct vhd_parent_hints hints = {
        .relative = vhdx_locator_find(locator, VHDX_KEY_RELATIVE_PATH),
        .volume = vhdx_locator_find(locator, VHDX_KEY_VOLUME_PATH),
        .absolute = vhdx_locator_find(locator, VHDX_KEY_ABSOLUTE_PATH),
    };
    char **paths, *relative;
    if (!vhd_parent_candidates("/vm/child.vhdx", &hints, &paths))
        vhd_free_paths(paths);
    if (hints.absolute && !vhd_relative_path("/vm/child.vhdx", hints.absolute, &relative))
        free(relative);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vhdx_locator locator;
    if (size > INPUT_MAX || vhdx_locator_decode(data, size, &locator))
        return 0;
    struct guid linkage;
    vhdx_locator_find_guid(&locator, VHDX_KEY_LINKAGE, &linkage);
    write_and_read_again(&locator);
    follow(&locator);
    vhdx_locator_free(&locator);
    return 0;
}
