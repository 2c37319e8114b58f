#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/errors.h"
#include "vhd/vhdx/header.h"

#define PATH "/disk.vhdx"

// The fields of a header that Windows 10 wrote (ntfs-dynamic.vhdx of the corpus has these numbers
// for the log).
static const struct vhdx_header sample = {
    .sequence_number = 7,
    .file_write_guid = GUID_INIT(0x11111111, 0x2222, 0x3333, 1, 2, 3, 4, 5, 6, 7, 8),
    .data_write_guid = GUID_INIT(0x44444444, 0x5555, 0x6666, 1, 2, 3, 4, 5, 6, 7, 8),
    .version = 1,
    .log_length = 0x100000,
    .log_offset = 0x100000,
};

// A file of 320 KiB with these headers; NULL leaves zeros.
static struct mem_fs *with_headers(const struct vhdx_header *first,
                                   const struct vhdx_header *second)
{
    static uint8_t bytes[320 * 1024];
    memset(bytes, 0, sizeof bytes);
    if (first)
        vhdx_header_encode(first, bytes + VHDX_HEADER1_OFFSET);
    if (second)
        vhdx_header_encode(second, bytes + VHDX_HEADER2_OFFSET);
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, bytes, sizeof bytes);
    return fs;
}

static struct file *open_file(struct mem_fs *fs)
{
    const struct file_open how = {.writable = true, .share = FILE_SHARE_NOTHING};
    struct file *file;
    assert_ok(mem_fs_system(fs)->open(mem_fs_system(fs), PATH, &how, &file));
    return file;
}

static enum status read_headers(const struct vhdx_header *first, const struct vhdx_header *second,
                                struct vhdx_headers *out)
{
    struct mem_fs *fs = with_headers(first, second);
    struct file *file = open_file(fs);
    enum status status = vhdx_headers_read(file, out);
    file_close(file);
    mem_fs_free(fs);
    return status;
}

static void encode__known_fields__are_where_the_format_wants_them(void **state)
{
    (void)state;
    uint8_t raw[VHDX_HEADER_SIZE];
    vhdx_header_encode(&sample, raw);
    assert_memory_equal(raw, "head", 4);
    assert_int_equal(load_le64(raw + 8), 7);
    assert_memory_equal(raw + 16, "\x11\x11\x11\x11\x22\x22\x33\x33\x01\x02\x03\x04", 12);
    assert_memory_equal(raw + 32, "\x44\x44\x44\x44\x55\x55\x66\x66\x01\x02\x03\x04", 12);
    assert_int_equal(load_le16(raw + 64), 0);
    assert_int_equal(load_le16(raw + 66), 1);
    assert_int_equal(load_le32(raw + 68), 0x100000);
    assert_int_equal(load_le64(raw + 72), 0x100000);
    struct vhdx_header decoded;
    assert_true(vhdx_header_decode(raw, &decoded));
    assert_memory_equal(&decoded, &sample, sizeof sample);
}

static void decode__any_changed_byte__is_noticed(void **state)
{
    (void)state;
    uint8_t raw[VHDX_HEADER_SIZE];
    struct vhdx_header decoded;
    for (size_t at = 0; at < sizeof raw; at += 37) {
        vhdx_header_encode(&sample, raw);
        raw[at] ^= 0x10;
        assert_false(vhdx_header_decode(raw, &decoded));
    }
}

static void read__two_valid__greater_sequence_number_is_current(void **state)
{
    (void)state;
    struct vhdx_header newer = sample;
    newer.sequence_number = 8;
    struct vhdx_headers headers;
    assert_ok(read_headers(&sample, &newer, &headers));
    assert_int_equal(headers.slot, 1);
    assert_int_equal(headers.current.sequence_number, 8);
    assert_ok(read_headers(&newer, &sample, &headers));
    assert_int_equal(headers.slot, 0);
}

static void read__equal_sequence_numbers__first_is_current(void **state)
{
    (void)state;
    struct vhdx_header other = sample;
    other.data_write_guid.bytes[0] ^= 1;
    struct vhdx_headers headers;
    assert_ok(read_headers(&sample, &other, &headers));
    assert_int_equal(headers.slot, 0);
    assert_true(guid_equal(&headers.current.data_write_guid, &sample.data_write_guid));
}

static void read__one_damaged__other_is_current(void **state)
{
    (void)state;
    struct vhdx_headers headers;
    assert_ok(read_headers(NULL, &sample, &headers));
    assert_int_equal(headers.slot, 1);
    assert_ok(read_headers(&sample, NULL, &headers));
    assert_int_equal(headers.slot, 0);
}

static void read__none_valid_or_other_version__refused(void **state)
{
    (void)state;
    struct vhdx_headers headers;
    assert_status(read_headers(NULL, NULL, &headers), STATUS_DAMAGED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_SPARSE_HEADER_CORRUPT);
    struct vhdx_header future = sample;
    future.version = 2;
    assert_status(read_headers(&future, NULL, &headers), STATUS_UNSUPPORTED);
    assert_int_equal(status_last()->os_code, VHD_ERROR_FORMAT_UNSUPPORTED_VERSION);
}

static void replace__twice__both_slots_carry_it_with_consecutive_numbers(void **state)
{
    (void)state;
    struct mem_fs *fs = with_headers(&sample, NULL);
    struct file *file = open_file(fs);
    struct vhdx_headers headers;
    assert_ok(vhdx_headers_read(file, &headers));
    struct vhdx_header next = headers.current;
    next.file_write_guid.bytes[3] = 0x77;
    assert_ok(vhdx_headers_replace(&headers, file, &next));
    assert_int_equal(headers.slot, 1);
    assert_int_equal(headers.current.sequence_number, 8);
    assert_ok(vhdx_headers_replace_both(&headers, file, &next));
    assert_int_equal(headers.slot, 1);
    for (int slot = 0; slot < 2; slot++) {
        uint8_t raw[VHDX_HEADER_SIZE];
        struct vhdx_header decoded;
        mem_fs_peek(fs, PATH, slot ? VHDX_HEADER2_OFFSET : VHDX_HEADER1_OFFSET, raw, sizeof raw);
        assert_true(vhdx_header_decode(raw, &decoded));
        assert_int_equal(decoded.sequence_number, slot ? 10 : 9);
        assert_int_equal(decoded.file_write_guid.bytes[3], 0x77);
    }
    file_close(file);
    mem_fs_free(fs);
}

static void replace__last_sequence_number__refused_without_a_write(void **state)
{
    (void)state;
    struct vhdx_header last = sample;
    last.sequence_number = UINT64_MAX;
    struct mem_fs *fs = with_headers(&last, NULL);
    struct mem_fs *before = mem_fs_clone(fs);
    struct file *file = open_file(fs);
    struct vhdx_headers headers;
    assert_ok(vhdx_headers_read(file, &headers));
    assert_status(vhdx_headers_replace(&headers, file, &sample), STATUS_UNSUPPORTED);
    file_close(file);
    assert_true(mem_fs_equal(fs, PATH, before, PATH));
    mem_fs_free(before);
    mem_fs_free(fs);
}

static void check_log__unusable_places__refused(void **state)
{
    (void)state;
    const uint64_t file_size = 4 << 20;
    struct vhdx_header h = sample;
    assert_ok(vhdx_header_check_log(&h, PATH, file_size, true));
    h.log_length = 0;
    assert_ok(vhdx_header_check_log(&h, PATH, file_size, false));
    assert_status(vhdx_header_check_log(&h, PATH, file_size, true), STATUS_DAMAGED);
    h.log_length = 0x100200;
    assert_status(vhdx_header_check_log(&h, PATH, file_size, false), STATUS_DAMAGED);
    h = sample;
    h.log_offset = 0x80000;
    assert_status(vhdx_header_check_log(&h, PATH, file_size, false), STATUS_DAMAGED);
    h.log_offset = UINT64_MAX - 0xfffff;
    assert_status(vhdx_header_check_log(&h, PATH, file_size, true), STATUS_DAMAGED);
    h.log_offset = 4 << 20;
    assert_status(vhdx_header_check_log(&h, PATH, file_size, true), STATUS_DAMAGED);
    // A clean file may have any LogVersion; there is nothing to read.
    h = sample;
    h.log_version = 1;
    assert_ok(vhdx_header_check_log(&h, PATH, file_size, false));
    assert_status(vhdx_header_check_log(&h, PATH, file_size, true), STATUS_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encode__known_fields__are_where_the_format_wants_them),
        cmocka_unit_test(decode__any_changed_byte__is_noticed),
        cmocka_unit_test(read__two_valid__greater_sequence_number_is_current),
        cmocka_unit_test(read__equal_sequence_numbers__first_is_current),
        cmocka_unit_test(read__one_damaged__other_is_current),
        cmocka_unit_test(read__none_valid_or_other_version__refused),
        cmocka_unit_test(replace__twice__both_slots_carry_it_with_consecutive_numbers),
        cmocka_unit_test(replace__last_sequence_number__refused_without_a_write),
        cmocka_unit_test(check_log__unusable_places__refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
