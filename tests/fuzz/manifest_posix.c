// Manifests: whatever is read is refused or compiled, and what is compiled once is compiled the
// same again.
#include <stdlib.h>
#include <string.h>

#include "etw/compile/crim.h"
#include "etw/compile/message_table.h"
#include "etw/compile/outputs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compile(struct manifest *manifest, struct buffer *out)
{
    crim_write(manifest, out);
    for (size_t i = 0; i < manifest->cultures.count; i++)
        message_table_write(manifest, manifest->cultures.item[i], out);
    output_resource_script(manifest, "fuzz", out);
    output_header(manifest, "fuzz", "etw/event_types.h", out);
    output_markdown(manifest, NULL, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer out[2] = {0};
    enum status status[2];
    for (int i = 0; i < 2; i++) {
        struct manifest manifest = {0};
        status[i] = manifest_read(&manifest, "fuzz.man", (const char *)data, size);
        if (status[i] == STATUS_OK)
            compile(&manifest, &out[i]);
        manifest_free(&manifest);
    }
    if (status[0] != status[1] || out[0].size != out[1].size ||
        (out[0].size && memcmp(out[0].data, out[1].data, out[0].size) != 0))
        abort();
    buffer_free(&out[0]);
    buffer_free(&out[1]);
    return 0;
}
