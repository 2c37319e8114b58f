// Any bytes as the parent locators of a VHD (W2ku, W2ru) and as the parent's name in its header:
// paths or a refusal, whatever places and lengths are stated. The input begins with eight
// descriptors of 8 bytes (code, length, offset), the name follows, all the rest is the file that
// they point into.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "base/utf.h"
#include "tests/support/mem_fs.h"
#include "vhd/vhd1/vhd1.h"

#define PATH            "/vm/child.vhd"
#define DESCRIPTOR_SIZE 8u
#define NAME_AT         (VHD1_LOCATORS * DESCRIPTOR_SIZE)
#define NAME_SIZE       64u
#define CONTENTS_AT     (NAME_AT + NAME_SIZE)
#define INPUT_MAX       (1u << 18)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const uint8_t *data, struct vhd1_header *header)
{
    static const uint32_t codes[] = {VHD1_LOCATOR_W2KU, VHD1_LOCATOR_W2RU, 0, 0x57693272u};
    *header = (struct vhd1_header){0};
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const uint8_t *at = data + i * DESCRIPTOR_SIZE;
        header->locators[i].code = codes[at[0] % 4];
        header->locators[i].space = at[1];
        header->locators[i].length = load_le16(at + 2);
        header->locators[i].offset = load_le32(at + 4);
        if (at[0] & 0x80) // values that no file has
            header->locators[i].length |= 0xffff0000u;
        if (at[0] & 0x40)
            header->locators[i].offset |= 0xffffffff00000000u;
    }
    memcpy(header->parent_name, data + NAME_AT, NAME_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vhd1_header header;
    if (size < CONTENTS_AT || size > INPUT_MAX)
        return 0;
    decode(data, &header);
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, data + CONTENTS_AT, size - CONTENTS_AT);
    const struct file_open how = {.share = FILE_SHARE_DENY_WRITE};
    struct file *file;
    char **paths, *text;
    if (mem_fs_system(fs)->open(mem_fs_system(fs), PATH, &how, &file))
        abort();
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        if (header.locators[i].length > 0 &&
            !vhd1_locator_read(file, size - CONTENTS_AT, &header.locators[i], &text)) {
            assert(utf8_is_valid(text, strlen(text)));
            free(text);
        }
    }
    if (!vhd1_parent_paths(file, size - CONTENTS_AT, &header, &paths)) {
        for (size_t i = 0; paths[i]; i++)
            assert(paths[i][0] != '\0');
        vhd_free_paths(paths);
    }
    file_close(file);
    mem_fs_free(fs);
    return 0;
}
