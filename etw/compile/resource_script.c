// The resource script, as windres and rc take it.
#include "etw/compile/emit.h"
#include "etw/compile/outputs.h"

#define PRIMARY_LANGUAGE_BITS 10

void output_resource_script(const struct manifest *manifest, const char *name, struct buffer *out)
{
    for (size_t i = 0; i < manifest->cultures.count; i++) {
        const struct culture *culture = manifest->cultures.item[i];
        emit_text(out, "LANGUAGE 0x%X, 0x%X\n",
                  (unsigned)culture->language & ((1u << PRIMARY_LANGUAGE_BITS) - 1),
                  (unsigned)culture->language >> PRIMARY_LANGUAGE_BITS);
        emit_text(out, "1 11 \"" OUTPUT_MESSAGES_FORMAT "\"\n", name, i + 1);
        if (i == 0)
            emit_text(out, "1 WEVT_TEMPLATE \"%s.bin\"\n", name);
    }
}
