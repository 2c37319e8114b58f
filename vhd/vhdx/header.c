#include "vhd/vhdx/header.h"

#include <inttypes.h>
#include <string.h>

#include "base/checked.h"
#include "base/endian.h"
#include "vhd/errors.h"

// Offsets of the fields.
#define SIGNATURE       0
#define CHECKSUM        4
#define SEQUENCE_NUMBER 8
#define FILE_WRITE_GUID 16
#define DATA_WRITE_GUID 32
#define LOG_GUID        48
#define LOG_VERSION     64
#define VERSION         66
#define LOG_LENGTH      68
#define LOG_OFFSET      72

#define SIGNATURE_TEXT "head"

static const uint64_t slot_offset[2] = {VHDX_HEADER1_OFFSET, VHDX_HEADER2_OFFSET};

bool vhdx_header_decode(const uint8_t raw[VHDX_HEADER_SIZE], struct vhdx_header *out)
{
    if (memcmp(raw + SIGNATURE, SIGNATURE_TEXT, 4) != 0 ||
        load_le32(raw + CHECKSUM) != vhdx_checksum(raw, VHDX_HEADER_SIZE, CHECKSUM))
        return false;
    out->sequence_number = load_le64(raw + SEQUENCE_NUMBER);
    memcpy(&out->file_write_guid, raw + FILE_WRITE_GUID, sizeof out->file_write_guid);
    memcpy(&out->data_write_guid, raw + DATA_WRITE_GUID, sizeof out->data_write_guid);
    memcpy(&out->log_guid, raw + LOG_GUID, sizeof out->log_guid);
    out->log_version = load_le16(raw + LOG_VERSION);
    out->version = load_le16(raw + VERSION);
    out->log_length = load_le32(raw + LOG_LENGTH);
    out->log_offset = load_le64(raw + LOG_OFFSET);
    return true;
}

void vhdx_header_encode(const struct vhdx_header *header, uint8_t raw[VHDX_HEADER_SIZE])
{
    memset(raw, 0, VHDX_HEADER_SIZE);
    memcpy(raw + SIGNATURE, SIGNATURE_TEXT, 4);
    store_le64(raw + SEQUENCE_NUMBER, header->sequence_number);
    memcpy(raw + FILE_WRITE_GUID, &header->file_write_guid, sizeof header->file_write_guid);
    memcpy(raw + DATA_WRITE_GUID, &header->data_write_guid, sizeof header->data_write_guid);
    memcpy(raw + LOG_GUID, &header->log_guid, sizeof header->log_guid);
    store_le16(raw + LOG_VERSION, header->log_version);
    store_le16(raw + VERSION, header->version);
    store_le32(raw + LOG_LENGTH, header->log_length);
    store_le64(raw + LOG_OFFSET, header->log_offset);
    store_le32(raw + CHECKSUM, vhdx_checksum(raw, VHDX_HEADER_SIZE, CHECKSUM));
}

enum status vhdx_headers_read(struct file *file, struct vhdx_headers *out)
{
    struct vhdx_header found[2];
    bool valid[2];
    for (unsigned slot = 0; slot < 2; slot++) {
        uint8_t raw[VHDX_HEADER_SIZE];
        enum status status = file_read(file, slot_offset[slot], raw, sizeof raw);
        if (status)
            return status_context("VHDX %s: header %u", file->path, slot + 1);
        valid[slot] = vhdx_header_decode(raw, &found[slot]);
    }
    if (!valid[0] && !valid[1]) {
        status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                    "VHDX %s: neither header is valid.", file->path);
        return status_advise(0, "Restore the file from a backup.");
    }
    unsigned slot = !valid[0] ? 1 : 0;
    if (valid[0] && valid[1] && found[1].sequence_number > found[0].sequence_number)
        slot = 1;
    if (found[slot].version != 1)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION,
                           "VHDX %s: the header says version %u; only version 1 is known.",
                           file->path, found[slot].version);
    *out = (struct vhdx_headers){.current = found[slot], .slot = slot};
    return STATUS_OK;
}

enum status vhdx_header_check_log(const struct vhdx_header *header, const char *path,
                                  uint64_t file_size, bool live)
{
    if (!live && header->log_length == 0)
        return STATUS_OK;
    // LogVersion has a meaning only while there is a log to read (docs/formats.md).
    if (live && header->log_version != 0)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION,
                           "VHDX %s: the log has version %u; only version 0 is known.", path,
                           header->log_version);
    if (header->log_length == 0 || header->log_length > VHDX_LOG_LENGTH_MAX ||
        !is_aligned(header->log_length, VHDX_ALIGNMENT) ||
        !is_aligned(header->log_offset, VHDX_ALIGNMENT) || header->log_offset < VHDX_ALIGNMENT ||
        !range_fits(header->log_offset, header->log_length, VHDX_FILE_SIZE_MAX))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: the header places the log at %" PRIu64 ", length %" PRIu32
                           "; both must be whole MiB, past the headers, at most 1 GiB long.",
                           path, header->log_offset, header->log_length);
    if (live && !range_fits(header->log_offset, header->log_length, file_size))
        return status_fail(STATUS_DAMAGED, VHD_ERROR_INVALID_FILE_SIZE,
                           "VHDX %s: the file ends at %" PRIu64 ", inside its log.", path,
                           file_size);
    return STATUS_OK;
}

enum status vhdx_headers_replace(struct vhdx_headers *headers, struct file *file,
                                 const struct vhdx_header *next)
{
    if (headers->current.sequence_number == UINT64_MAX)
        return status_fail(STATUS_UNSUPPORTED, VHD_ERROR_SPARSE_HEADER_CORRUPT,
                           "VHDX %s: the header's sequence number cannot grow any more.",
                           file->path);
    struct vhdx_headers replaced = {.current = *next, .slot = 1 - headers->slot};
    replaced.current.sequence_number = headers->current.sequence_number + 1;
    uint8_t raw[VHDX_HEADER_SIZE];
    vhdx_header_encode(&replaced.current, raw);
    enum status status = file_write(file, slot_offset[replaced.slot], raw, sizeof raw);
    if (!status)
        status = file_flush(file);
    if (status)
        return status_context("VHDX %s: header %u", file->path, replaced.slot + 1);
    *headers = replaced;
    return STATUS_OK;
}

enum status vhdx_headers_replace_both(struct vhdx_headers *headers, struct file *file,
                                      const struct vhdx_header *next)
{
    enum status status = vhdx_headers_replace(headers, file, next);
    if (status)
        return status;
    return vhdx_headers_replace(headers, file, next);
}
