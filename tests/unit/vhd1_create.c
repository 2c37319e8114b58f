#include "tests/support/test.h"

#include <string.h>

#include "base/clock.h"
#include "base/endian.h"
#include "tests/support/fault_fs.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/errors.h"
#include "vhd/vhd1/vhd1.h"

#define PATH                 "/disk.vhd"
#define MIB                  (1ull << 20)
#define GIB                  (1ull << 30)
#define SECONDS_1970_TO_2000 946684800

static enum status create(enum vhd_type type, uint64_t size, uint32_t block_size)
{
    const struct vhd_create how = {.fs = mem_fs_system(test_fs),
                                   .format = VHD_FORMAT_VHD,
                                   .type = type,
                                   .virtual_size = size,
                                   .block_size = block_size};
    return vhd_create(PATH, &how);
}

static void footer_of(uint8_t footer[512])
{
    mem_fs_peek(test_fs, PATH, vhd1_disk_footer_at(test_fs, PATH), footer, 512);
}

static void create__footer__is_what_windows_writes(void **state)
{
    (void)state;
    uint8_t footer[512];
    assert_ok(create(VHD_TYPE_DYNAMIC, 4 * MIB, 0));
    footer_of(footer);
    int64_t now = clock_wall_ms() / 1000 - SECONDS_1970_TO_2000;

    assert_memory_equal(footer, "conectix", 8);
    assert_int_equal(load_be32(footer + 8), 2);
    assert_int_equal(load_be32(footer + 12), 0x00010000);
    assert_int_equal(load_be64(footer + 16), 512);
    assert_in_range(load_be32(footer + 24), now - 60, now);
    assert_memory_equal(footer + 28, "win ", 4);
    assert_int_equal(load_be32(footer + 32), 0x000A0000);
    assert_memory_equal(footer + 36, "Wi2k", 4);
    assert_int_equal(load_be64(footer + 40), 4 * MIB);
    assert_int_equal(load_be64(footer + 48), 4 * MIB);
    assert_int_equal(load_be32(footer + 60), VHD_TYPE_DYNAMIC);
    assert_int_equal(load_be32(footer + 64), vhd1_checksum(footer, 512, 64));
}

// "CHS Calculation" of the specification; the first line is what Windows 10 wrote for that size.
static void create__geometry__follows_the_specification(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        uint16_t cylinders;
        uint8_t heads, sectors;
    } cases[] = {
        {4 * MIB, 120, 4, 17},        {100 * MIB, 1003, 12, 17},   {504 * MIB, 1024, 16, 63},
        {10 * GIB, 20805, 16, 63},    {100 * GIB, 51400, 16, 255}, {136899993600, 65535, 16, 255},
        {2040 * GIB, 65535, 16, 255},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t footer[512];
        assert_ok(create(VHD_TYPE_DYNAMIC, cases[i].size, 0));
        footer_of(footer);
        assert_int_equal(load_be16(footer + 56), cases[i].cylinders);
        assert_int_equal(footer[58], cases[i].heads);
        assert_int_equal(footer[59], cases[i].sectors);
        assert_ok(mem_fs_system(test_fs)->remove(mem_fs_system(test_fs), PATH));
    }
}

static void create__dynamic__header_and_empty_table(void **state)
{
    (void)state;
    uint8_t header[1024], table[1024], first[512], last[512];
    assert_ok(create(VHD_TYPE_DYNAMIC, 257 * MIB, 0));
    mem_fs_peek(test_fs, PATH, 512, header, sizeof header);
    assert_memory_equal(header, "cxsparse", 8);
    assert_int_equal(load_be64(header + 8), UINT64_MAX);
    assert_int_equal(load_be64(header + 16), 1536);
    assert_int_equal(load_be32(header + 24), 0x00010000);
    assert_int_equal(load_be32(header + 28), 129);
    assert_int_equal(load_be32(header + 32), 2 * MIB);
    assert_int_equal(load_be32(header + 36), vhd1_checksum(header, 1024, 36));
    mem_fs_peek(test_fs, PATH, 1536, table, sizeof table);
    for (size_t i = 0; i < sizeof table; i++)
        assert_int_equal(table[i], 0xff); // padded to a sector, as Windows does
    mem_fs_peek(test_fs, PATH, 0, first, sizeof first);
    footer_of(last);
    assert_memory_equal(first, last, sizeof first);
}

static void create__fixed__data_then_footer(void **state)
{
    (void)state;
    uint8_t footer[512], data[512], zeros[512] = {0};
    assert_ok(create(VHD_TYPE_FIXED, 5 * MIB + 512, 0));
    assert_int_equal(mem_fs_size(test_fs, PATH), 5 * MIB + 1024);
    footer_of(footer);
    assert_int_equal(load_be64(footer + 16), UINT64_MAX);
    assert_int_equal(load_be32(footer + 60), VHD_TYPE_FIXED);
    mem_fs_peek(test_fs, PATH, 0, data, sizeof data);
    assert_memory_equal(data, zeros, sizeof data);
    assert_true(mem_fs_used(test_fs) >= 5 * MIB); // its room is taken at once
}

static void create__largest__opens(void **state)
{
    (void)state;
    const struct vhd_open how = {.fs = mem_fs_system(test_fs), .writable = true};
    uint8_t sector[512] = {42}, read[512];
    struct vhd *disk;
    assert_ok(create(VHD_TYPE_DYNAMIC, 2040 * GIB, 0));
    assert_ok(vhd_open(PATH, &how, &disk));
    assert_ok(vhd_write(disk, 2040 * GIB - 512, sector, sizeof sector));
    assert_ok(vhd_read(disk, 2040 * GIB - 512, read, sizeof read));
    assert_memory_equal(read, sector, sizeof read);
    assert_ok(vhd_close(disk));
}

static void create__impossible__refused_without_a_file(void **state)
{
    (void)state;
    assert_status(create(VHD_TYPE_DYNAMIC, 2040 * GIB + 512, 0), STATUS_INVALID_ARGUMENT);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_SIZE);
    assert_status(create(VHD_TYPE_FIXED, 3 * MIB - 512, 0), STATUS_INVALID_ARGUMENT);
    assert_status(create(VHD_TYPE_FIXED, 4 * MIB + 1, 0), STATUS_INVALID_ARGUMENT);
    assert_status(create(VHD_TYPE_DYNAMIC, 4 * MIB, 1u << 20), STATUS_INVALID_ARGUMENT);
    assert_int_equal(status_last()->os_code, VHD_ERROR_INVALID_BLOCK_SIZE);
    assert_status(create(VHD_TYPE_DIFFERENCING, 4 * MIB, 0), STATUS_INVALID_ARGUMENT);
    const struct vhd_create sectors = {.fs = mem_fs_system(test_fs),
                                       .format = VHD_FORMAT_VHD,
                                       .type = VHD_TYPE_DYNAMIC,
                                       .virtual_size = 4 * MIB,
                                       .logical_sector_size = 4096};
    assert_status(vhd_create(PATH, &sectors), STATUS_INVALID_ARGUMENT);
    assert_false(mem_fs_has(test_fs, PATH));
}

static void create__existing_file__untouched(void **state)
{
    (void)state;
    char kept[4];
    mem_fs_put(test_fs, PATH, "mine", 4);
    assert_status(create(VHD_TYPE_DYNAMIC, 4 * MIB, 0), STATUS_EXISTS);
    assert_int_equal(mem_fs_size(test_fs, PATH), 4);
    mem_fs_peek(test_fs, PATH, 0, kept, sizeof kept);
    assert_memory_equal(kept, "mine", 4);
}

static void create__any_call_fails__no_file_stays(void **state)
{
    (void)state;
    static const enum vhd_type types[] = {VHD_TYPE_FIXED, VHD_TYPE_DYNAMIC};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        bool fired = true;
        for (uint64_t nth = 1; fired; nth++) {
            struct fault_fs *fault = fault_fs_new(mem_fs_system(test_fs));
            const struct vhd_create how = {.fs = fault_fs_system(fault),
                                           .format = VHD_FORMAT_VHD,
                                           .type = types[i],
                                           .virtual_size = 4 * MIB};
            fault_fs_arm(fault, FAULT_ANY, nth, STATUS_NO_SPACE, false);
            enum status status = vhd_create(PATH, &how);
            fired = fault_fs_fired(fault);
            fault_fs_free(fault);
            assert_int_equal(status, fired ? STATUS_NO_SPACE : STATUS_OK);
            assert_int_equal(mem_fs_has(test_fs, PATH), !fired);
        }
        assert_ok(mem_fs_system(test_fs)->remove(mem_fs_system(test_fs), PATH));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(create__footer__is_what_windows_writes),
        TEST_WITH_FS(create__geometry__follows_the_specification),
        TEST_WITH_FS(create__dynamic__header_and_empty_table),
        TEST_WITH_FS(create__fixed__data_then_footer),
        TEST_WITH_FS(create__largest__opens),
        TEST_WITH_FS(create__impossible__refused_without_a_file),
        TEST_WITH_FS(create__existing_file__untouched),
        TEST_WITH_FS(create__any_call_fails__no_file_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
