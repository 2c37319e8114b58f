// File type identifier and headers ([MS-VHDX] 2.2.1, 2.2.2).
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/checked.h"
#include "vhd/vhdx/check.h"

// Bytes of a header that have a meaning; the rest is reserved.
#define HEADER_FIELDS_SIZE 80

static const uint64_t slot_offset[2] = {VHDX_HEADER1_OFFSET, VHDX_HEADER2_OFFSET};

struct found_header {
    uint8_t raw[VHDX_HEADER_SIZE];
    struct vhdx_header header;
    bool valid;
};

enum status vhdx_has_header(struct file *file, bool *found)
{
    uint64_t size;
    enum status status = file_size(file, &size);
    *found = false;
    for (unsigned slot = 0; slot < 2 && !status && !*found; slot++) {
        uint8_t raw[VHDX_HEADER_SIZE];
        struct vhdx_header header;
        if (!range_fits(slot_offset[slot], sizeof raw, size))
            continue;
        status = file_read(file, slot_offset[slot], raw, sizeof raw);
        *found = !status && vhdx_header_decode(raw, &header);
    }
    return status;
}

static enum status check_identifier(struct vhdx_check *c)
{
    uint8_t raw[sizeof vhdx_identifier_signature];
    if (c->x.view.size < VHDX_ALIGNMENT) {
        VHDX_DAMAGE(c, "file-truncated",
                    "the file has %" PRIu64 " bytes, less than the headers of a VHDX.",
                    c->x.view.size);
        c->stuck = true;
        return STATUS_OK;
    }
    enum status status = vhdx_check_read(c, 0, raw, sizeof raw);
    if (status || c->stuck)
        return status;
    c->no_identifier = memcmp(raw, vhdx_identifier_signature, sizeof raw) != 0;
    if (c->no_identifier)
        VHDX_MENDABLE(c, "identifier-signature",
                      "the file does not begin with \"vhdxfile\", though it has the headers of a "
                      "VHDX; no program will open it.");
    return STATUS_OK;
}

static bool same_log(const struct vhdx_header *a, const struct vhdx_header *b)
{
    return guid_equal(&a->log_guid, &b->log_guid) && a->log_offset == b->log_offset &&
           a->log_length == b->log_length;
}

// Two valid headers: the one with the greater number counts ([MS-VHDX] 2.2.2), however much
// greater.
static void compare(struct vhdx_check *c, const struct found_header found[2])
{
    const struct vhdx_header *a = &found[0].header, *b = &found[1].header;
    uint64_t gap = a->sequence_number > b->sequence_number
                       ? a->sequence_number - b->sequence_number
                       : b->sequence_number - a->sequence_number;
    if (gap == 0 && (!same_log(a, b) || !guid_equal(&a->data_write_guid, &b->data_write_guid)))
        VHDX_DAMAGE(c, "header-ambiguous",
                    "both headers have the sequence number %" PRIu64
                    ", but they say different things; which one counts cannot be told.",
                    a->sequence_number);
    else if (gap == 0)
        VHDX_NOTE(c, "header-equal-numbers",
                  "both headers have the sequence number %" PRIu64 ", as Disk2vhd writes them.",
                  a->sequence_number);
    else if (gap > 1)
        VHDX_NOTE(c, "header-number-gap",
                  "the headers have the sequence numbers %" PRIu64 " and %" PRIu64
                  "; the greater one counts, but most programs leave numbers that follow each "
                  "other.",
                  a->sequence_number, b->sequence_number);
}

static void check_found(struct vhdx_check *c, const struct found_header found[2])
{
    for (unsigned slot = 0; slot < 2; slot++) {
        if (!found[slot].valid)
            VHDX_MENDABLE(c, "header-invalid",
                          "header %u has a wrong signature or checksum; the other one is used.",
                          slot + 1);
        else if (!bytes_are_zero(found[slot].raw + HEADER_FIELDS_SIZE,
                                 VHDX_HEADER_SIZE - HEADER_FIELDS_SIZE))
            VHDX_MENDABLE(c, "header-reserved", "header %u has reserved bytes that are not zero.",
                          slot + 1);
    }
    if (found[0].valid && found[1].valid)
        compare(c, found);
}

enum status vhdx_check_headers(struct vhdx_check *c)
{
    struct found_header found[2] = {0};
    enum status status = check_identifier(c);
    for (unsigned slot = 0; slot < 2 && !status && !c->stuck; slot++) {
        status = vhdx_check_read(c, slot_offset[slot], found[slot].raw, VHDX_HEADER_SIZE);
        if (!status && !c->stuck)
            found[slot].valid = vhdx_header_decode(found[slot].raw, &found[slot].header);
    }
    if (status || c->stuck)
        return status;
    status = vhdx_headers_read(c->x.image.file, &c->x.headers);
    if (status == STATUS_DAMAGED || status == STATUS_UNSUPPORTED) {
        VHDX_DAMAGE(c, status == STATUS_DAMAGED ? "headers-invalid" : "header-version", "%s",
                    status == STATUS_DAMAGED
                        ? "neither header has the right signature and checksum; nothing else can "
                          "be found without one."
                        : "the header is of another version of the format than 1.");
        c->stuck = true;
        return STATUS_OK;
    }
    if (!status)
        check_found(c, found);
    return status;
}
