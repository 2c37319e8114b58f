// "Parent Locators": where a differencing disk's parent may be.
#include "vhd/vhd1/vhd1.h"

#include <stdlib.h>

#include "base/checked.h"
#include "base/endian.h"
#include "base/utf.h"
#include "vhd/errors.h"

#define TEXT_SIZE_MAX 65536u // bytes: the longest path of Windows

enum status vhd1_locator_read(struct file *file, uint64_t file_size,
                              const struct vhd1_locator *locator, char **text)
{
    if (locator->length == 0 || locator->length > TEXT_SIZE_MAX || locator->length % 2 != 0 ||
        !range_fits(locator->offset, locator->length, file_size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "%s: a parent locator of %u bytes at %llu is not possible.", file->path,
                           (unsigned)locator->length, (unsigned long long)locator->offset);
    uint8_t *bytes = malloc(locator->length);
    if (!bytes)
        return status_no_memory("a parent locator");
    enum status status = file_read(file, locator->offset, bytes, locator->length);
    if (status == STATUS_OK) {
        char *path = utf16le_to_utf8(bytes, locator->length / 2);
        if (path && *path) {
            *text = path;
        } else {
            free(path);
            status = status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                                 "%s: a parent locator is empty or not valid UTF-16.", file->path);
        }
    }
    free(bytes);
    return status;
}

// The header's own field, which Windows fills with the absolute path. Allocated; NULL: empty.
static char *read_name(const struct vhd1_header *header)
{
    uint8_t swapped[VHD1_PARENT_NAME_SIZE];
    size_t units = 0;
    while (units < VHD1_PARENT_NAME_SIZE / 2 && load_be16(header->parent_name + units * 2) != 0) {
        store_le16(swapped + units * 2, load_be16(header->parent_name + units * 2));
        units++;
    }
    // A name that is not valid Unicode names nothing that could be opened.
    return units ? utf16le_to_utf8(swapped, units) : NULL;
}

// *text: allocated; NULL when the header has no such locator, or a damaged one: another may do.
static enum status find_text(struct file *file, uint64_t file_size,
                             const struct vhd1_header *header, uint32_t code, char **text)
{
    *text = NULL;
    for (unsigned i = 0; i < VHD1_LOCATORS; i++) {
        const struct vhd1_locator *locator = &header->locators[i];
        if (locator->code != code || locator->length == 0)
            continue;
        enum status status = vhd1_locator_read(file, file_size, locator, text);
        return status == STATUS_DAMAGED ? STATUS_OK : status;
    }
    return STATUS_OK;
}

enum status vhd1_parent_paths(struct file *file, uint64_t file_size,
                              const struct vhd1_header *header, char ***out)
{
    char *relative = NULL, *absolute = NULL;
    enum status status = find_text(file, file_size, header, VHD1_LOCATOR_W2RU, &relative);
    if (status == STATUS_OK)
        status = find_text(file, file_size, header, VHD1_LOCATOR_W2KU, &absolute);
    if (status == STATUS_OK && !absolute)
        absolute = read_name(header);
    if (status == STATUS_OK) {
        const struct vhd_parent_hints hints = {.relative = relative, .absolute = absolute};
        status = vhd_parent_candidates(file->path, &hints, out);
    }
    free(relative);
    free(absolute);
    return status;
}
