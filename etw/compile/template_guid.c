#include "etw/compile/template_guid.h"

#include <string.h>

#include "etw/compile/binxml.h"
#include "etw/compile/emit.h"
#include "etw/compile/sha256.h"

#define VERSION_BYTE 7 // its upper half says which kind of GUID it is
#define VERSION_NAME 0x50

void template_guid(const struct template *template, struct guid *out)
{
    static const char magic[] = "MS-WEVT"; // with its terminator
    struct buffer text = {0};
    struct buffer input = {0};
    uint8_t digest[SHA256_SIZE];
    binxml_text(template, &text);
    emit_u8(&text, 0);
    emit_bytes(&input, magic, sizeof magic);
    emit_utf16(&input, (const char *)text.data);
    for (size_t i = 0; i < template->fields.count; i++)
        emit_u32(&input, binxml_type(template->fields.item[i]));
    sha256(input.data, input.size, digest);
    buffer_free(&text);
    buffer_free(&input);
    memcpy(out->bytes, digest, sizeof out->bytes);
    out->bytes[VERSION_BYTE] = (uint8_t)((out->bytes[VERSION_BYTE] & 0x0F) | VERSION_NAME);
}
