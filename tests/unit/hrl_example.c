// The example of [MS-HRL] 3, a log that Hyper-V wrote: its printed fields are put in their places,
// and every checksum that they can show comes out as printed.
#include "tests/support/test.h"

#include <string.h>

#include "base/endian.h"
#include "tests/support/mem_fs.h"
#include "vhd/hrl.h"
#include "vhd/hrl/layout.h"

#define PATH          "/example.hrl"
#define FILE_SIZE     332288
#define METADATA_SIZE 4096
#define FIRST_BLOCK   4096
#define LAST_BLOCK    328192
#define CREATED       539842380u

// Entries 1 to 58 of the last block, oldest first: place and length of the write, seconds after the
// log's creation, the entry's checksum. The data checksums are not printed; all of these come out
// only where they are 0.
static const struct {
    uint64_t offset;
    uint32_t length;
    uint32_t seconds;
    uint32_t checksum;
} printed[] = {
    {3626348544u, 4096, 1, 4294966608u},    {8026886144ull, 4096, 1, 4294966558u},
    {3699798016u, 4096, 1, 4294966571u},    {3700805632u, 4096, 1, 4294966460u},
    {4111884288u, 4096, 1, 4294966674u},    {139466752u, 2048, 1, 4294966933u},
    {147937280u, 2048, 1, 4294966740u},     {7792644096ull, 4096, 1, 4294966626u},
    {3699830784u, 4096, 1, 4294966443u},    {3709980672u, 4096, 1, 4294966575u},
    {3722543104u, 4096, 1, 4294966463u},    {3626344448u, 4096, 1, 4294966624u},
    {7792652288ull, 4096, 1, 4294966594u},  {3699900416u, 4096, 1, 4294966681u},
    {3734429696u, 4096, 1, 4294966441u},    {3699957760u, 12288, 1, 4294966425u},
    {3737313280u, 4096, 1, 4294966397u},    {3743948800u, 4096, 1, 4294966742u},
    {138656768u, 512, 1, 4294966788u},      {139058688u, 512, 1, 4294966748u},
    {3757490176u, 8192, 1, 4294966360u},    {3760070656u, 4096, 1, 4294966751u},
    {135266304u, 1024, 2, 4294967024u},     {3771551744u, 8192, 2, 4294966511u},
    {3771564032u, 4096, 2, 4294966479u},    {138656768u, 512, 2, 4294966787u},
    {139058688u, 512, 2, 4294966747u},      {3774267392u, 16384, 2, 4294966326u},
    {3774308352u, 4096, 2, 4294966469u},    {3774361600u, 4096, 2, 4294966516u},
    {3626414080u, 8192, 2, 4294966590u},    {3777036288u, 4096, 2, 4294966778u},
    {3792945152u, 8192, 2, 4294966583u},    {3626352640u, 4096, 2, 4294966591u},
    {3793145856u, 8192, 2, 4294966564u},    {3793178624u, 4096, 2, 4294966707u},
    {3676929536u, 512, 2, 4294966664u},     {3793252352u, 4096, 2, 4294966674u},
    {3794485248u, 4096, 2, 4294966703u},    {3673733120u, 31232, 2, 4294966280u},
    {3626418176u, 4096, 2, 4294966590u},    {3673764352u, 31232, 2, 4294966413u},
    {3626352640u, 4096, 2, 4294966591u},    {3626418176u, 4096, 2, 4294966590u},
    {3694907392u, 4096, 2, 4294966549u},    {3700453376u, 8192, 2, 4294966544u},
    {3626352640u, 4096, 2, 4294966591u},    {3704586240u, 4096, 2, 4294966481u},
    {3737305088u, 8192, 2, 4294966412u},    {3793489920u, 4096, 2, 4294966766u},
    {10188185600ull, 4096, 2, 4294966776u}, {3628867584u, 4096, 2, 4294966712u},
    {3626414080u, 4096, 2, 4294966606u},    {3626340352u, 4096, 2, 4294966639u},
    {3628871680u, 4096, 2, 4294966696u},    {3626348544u, 8192, 2, 4294966591u},
    {3626344448u, 4096, 2, 4294966623u},    {3626340352u, 4096, 2, 4294966639u},
};

#define ENTRIES (sizeof printed / sizeof *printed)

static const struct hrl_header printed_header = {
    .version = HRL_VERSION_2,
    .time_stamp = CREATED,
    .creator = {'c', 't', ' ', ' '},
    .creator_version = 0x000A0000,
    .original_size = 0,
    .current_size = FILE_SIZE,
    .end = FILE_SIZE,
    .error_code = 0,
    .metadata_size = METADATA_SIZE,
    .unique_id =
        GUID_INIT(0x572fc7ff, 0x1f03, 0x49ab, 0xb3, 0xc5, 0x30, 0xa6, 0x65, 0xb8, 0xe2, 0x0c),
    .previous_id =
        GUID_INIT(0xa8ae4b46, 0xf7ad, 0x4402, 0x87, 0xaa, 0x5b, 0x33, 0xe9, 0xf8, 0x9c, 0x77),
    .last_modified = CREATED + 4,
    .total_entries = ENTRIES,
    .data_write_guid =
        GUID_INIT(0xb9be5c57, 0xf8be, 0x5503, 0x98, 0xbb, 0x6c, 0x44, 0xfa, 0xf9, 0xac, 0x87),
};

static void build_last_block(uint8_t raw[METADATA_SIZE])
{
    memset(raw, 0, METADATA_SIZE);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct hrl_block_entry entry = {.offset = printed[i].offset,
                                              .length = printed[i].length,
                                              .time_stamp = CREATED + printed[i].seconds};
        hrl_block_set_entry(raw, i, &entry);
    }
    hrl_block_seal(raw, LAST_BLOCK - FIRST_BLOCK, ENTRIES);
}

static struct mem_fs *build_example(void)
{
    static uint8_t file[FILE_SIZE];
    hrl_header_encode(&printed_header, file);
    hrl_block_seal(file + FIRST_BLOCK, 0, 0);
    memset(file + FIRST_BLOCK + METADATA_SIZE, 0x5a, LAST_BLOCK - FIRST_BLOCK - METADATA_SIZE);
    build_last_block(file + LAST_BLOCK);
    struct mem_fs *fs = mem_fs_new();
    mem_fs_put(fs, PATH, file, sizeof file);
    return fs;
}

static void checksum__of_printed_blocks__is_as_printed(void **state)
{
    (void)state;
    uint8_t raw[METADATA_SIZE] = {0};
    hrl_block_seal(raw, 0, 0);
    assert_int_equal(load_le32(raw + 12), 4294967295u);
    hrl_block_seal(raw, 324096, 58);
    assert_int_equal(load_le32(raw + 12), 4294966991u);
}

static void checksum__of_printed_entries__is_as_printed(void **state)
{
    (void)state;
    uint8_t raw[METADATA_SIZE];
    build_last_block(raw);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const uint8_t *entry = raw + 32 + i * 32;
        assert_int_equal(load_le64(entry), printed[i].offset);
        assert_int_equal(load_le32(entry + 8), printed[i].checksum);
        assert_int_equal(load_le32(entry + 12), printed[i].length);
        assert_int_equal(load_le32(entry + 16), CREATED + printed[i].seconds);
        assert_int_equal(entry[20], 1);
    }
}

static void header__as_printed__has_its_fields_in_their_places(void **state)
{
    (void)state;
    uint8_t raw[HRL_HEADER_SIZE];
    hrl_header_encode(&printed_header, raw);
    assert_memory_equal(raw, "msctlog ", 8);
    assert_int_equal(load_le32(raw + 8), 0x00020000);
    assert_int_equal(load_le32(raw + 12), CREATED);
    assert_memory_equal(raw + 16, "ct  ", 4);
    assert_int_equal(load_le32(raw + 20), 0x000A0000);
    assert_int_equal(load_le64(raw + 24), 0);
    assert_int_equal(load_le64(raw + 32), FILE_SIZE);
    assert_int_equal(load_le64(raw + 44), FILE_SIZE);
    assert_int_equal(load_le32(raw + 52), 0);
    assert_int_equal(load_le32(raw + 56), METADATA_SIZE);
    assert_memory_equal(raw + 60, printed_header.unique_id.bytes, 16);
    assert_memory_equal(raw + 76, printed_header.previous_id.bytes, 16);
    assert_int_equal(load_le32(raw + 92), CREATED + 4);
    assert_int_equal(load_le64(raw + 96), ENTRIES);
    assert_int_equal(load_le32(raw + 104), 0);
    assert_int_equal(load_le16(raw + 108), 0);
    assert_memory_equal(raw + 110, printed_header.data_write_guid.bytes, 16);
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof raw; i++) {
        sum += i < 40 || i >= 44 ? raw[i] : 0;
        assert_true(i < 126 || raw[i] == 0);
    }
    assert_int_equal(load_le32(raw + 40), ~sum);
}

static void open__example__lists_its_writes(void **state)
{
    (void)state;
    struct mem_fs *fs = build_example();
    const struct hrl_open how = {.fs = mem_fs_system(fs)};
    struct hrl *log;
    struct hrl_info info;
    struct hrl_entry entry;
    uint64_t data_at = FIRST_BLOCK + METADATA_SIZE;
    bool found;
    assert_ok(hrl_open(PATH, &how, &log));
    hrl_get_info(log, &info);
    assert_true(info.closed);
    assert_int_equal(info.groups, 2);
    assert_int_equal(info.writes, ENTRIES);
    assert_int_equal(info.data, 320000);
    assert_int_equal(info.end, FILE_SIZE);
    assert_string_equal(info.creator, "ct 10.0");
    assert_int_equal(info.created_ms, 1486527180000); // 2017-02-08T04:13:00Z
    for (uint32_t i = 0; i < ENTRIES; i++) {
        assert_ok(hrl_next(log, &entry, &found));
        assert_true(found);
        assert_int_equal(entry.number, i);
        assert_int_equal(entry.group, 1);
        assert_int_equal(entry.offset, printed[i].offset);
        assert_int_equal(entry.length, printed[i].length);
        assert_int_equal(entry.data_at, data_at);
        assert_ok(hrl_verify(log, &entry)); // there is no checksum to differ from
        data_at += entry.length;
    }
    assert_int_equal(data_at, LAST_BLOCK);
    assert_ok(hrl_next(log, &entry, &found));
    assert_false(found);
    hrl_close(log);
    mem_fs_free(fs);
}

static void note(void *context, const struct vhd_problem *problem)
{
    assert_int_equal(problem->kind, VHD_PROBLEM_NOTE);
    assert_string_equal(problem->name, "data-unverified");
    ++*(int *)context;
}

static void check__example__is_clean(void **state)
{
    (void)state;
    struct mem_fs *fs = build_example();
    int notes = 0;
    const struct vhd_check how = {.fs = mem_fs_system(fs), .problem = note, .context = &notes};
    struct vhd_checked checked;
    assert_ok(hrl_check(PATH, &how, &checked));
    assert_int_equal(checked.problems, 0);
    assert_int_equal(notes, 1);
    mem_fs_free(fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum__of_printed_blocks__is_as_printed),
        cmocka_unit_test(checksum__of_printed_entries__is_as_printed),
        cmocka_unit_test(header__as_printed__has_its_fields_in_their_places),
        cmocka_unit_test(open__example__lists_its_writes),
        cmocka_unit_test(check__example__is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
