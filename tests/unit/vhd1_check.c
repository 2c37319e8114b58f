// Each thing that can be wrong with a VHD has its name, its verdict and, where that needs no guess,
// its repair.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "base/endian.h"
#include "tests/support/test_fs.h"
#include "tests/support/vhd1_disk.h"
#include "vhd/vhd1/vhd1.h"

#define PATH  "/disk.vhd"
#define CHILD "/child.avhd"
#define MIB   (1ull << 20)
#define SIZE  (8 * MIB)
#define TABLE ((uint64_t)VHD1_DISK_TABLE)
// Where the first block goes.
#define FIRST_BLOCK 15u

// What one check found, as "name name ...": notes with '~', repairable ones with '+', repaired ones
// with '*'.
struct found {
    char names[512];
    struct vhd_checked result;
};

static void remember(void *context, const struct vhd_problem *problem)
{
    struct found *found = context;
    size_t used = strlen(found->names);
    const char *mark = problem->repaired                         ? "*"
                       : problem->kind == VHD_PROBLEM_NOTE       ? "~"
                       : problem->kind == VHD_PROBLEM_REPAIRABLE ? "+"
                                                                 : "";
    assert_non_null(strstr(problem->message, "/"));
    snprintf(found->names + used, sizeof found->names - used, "%s%s%s", used ? " " : "", mark,
             problem->name);
}

static struct found check(const char *path, bool repair)
{
    struct found found = {0};
    const struct vhd_check how = {
        .fs = mem_fs_system(test_fs), .repair = repair, .problem = remember, .context = &found};
    assert_ok(vhd_check(path, &how, &found.result));
    return found;
}

// The check finds this, changes nothing, and a repair mends all that is repairable.
static void assert_found(const char *path, const char *names)
{
    struct mem_fs *before = mem_fs_clone(test_fs);
    struct found found = check(path, false);
    assert_string_equal(found.names, names);
    assert_true(mem_fs_equal(test_fs, path, before, path));
    found = check(path, true);
    bool damage = found.result.problems > found.result.repaired;
    if (damage)
        assert_true(mem_fs_equal(test_fs, path, before, path));
    else
        assert_int_equal(check(path, false).result.problems, 0);
    mem_fs_free(before);
}

static void make(enum vhd_type type)
{
    vhd1_disk_create(test_fs, PATH, type, SIZE, 0);
    uint8_t sector[512];
    memset(sector, 0x5a, sizeof sector);
    struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), PATH, true);
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_write(disk, 6 * MIB, sector, sizeof sector));
    assert_ok(vhd_close(disk));
}

static void make_child(void)
{
    uint8_t sector[512] = {1};
    make(VHD_TYPE_DYNAMIC);
    assert_ok(vhd_create_child(CHILD, PATH, mem_fs_system(test_fs)));
    struct vhd *disk = vhd1_disk_open(mem_fs_system(test_fs), CHILD, true);
    assert_ok(vhd_write(disk, 0, sector, sizeof sector));
    assert_ok(vhd_close(disk));
}

static uint64_t footer_at(void)
{
    return vhd1_disk_footer_at(test_fs, PATH);
}

static void check__good_disks__nothing(void **state)
{
    (void)state;
    make(VHD_TYPE_FIXED);
    assert_found(PATH, "");
    mem_fs_free(test_fs);
    test_fs = mem_fs_new();
    make_child();
    assert_found(PATH, "");
    assert_found(CHILD, "");
}

static void check__footers__by_name(void **state)
{
    (void)state;
    make(VHD_TYPE_DYNAMIC);
    struct mem_fs *good = mem_fs_clone(test_fs);
#define AFRESH()                      \
    do {                              \
        mem_fs_free(test_fs);         \
        test_fs = mem_fs_clone(good); \
    } while (0)
    mem_fs_resize(test_fs, PATH, footer_at());
    assert_found(PATH, "+footer-missing");
    assert_true(vhd1_disk_has_two_footers(test_fs, PATH));
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, footer_at() + 40, 1);
    assert_found(PATH, "+footer-checksum");
    AFRESH();
    mem_fs_clear(test_fs, PATH, 0, 512);
    assert_found(PATH, "+footer-copy-damaged");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, 70, 1);
    vhd1_disk_seal(test_fs, PATH, 0, 512, VHD1_DISK_FOOTER_CHECKSUM);
    assert_found(PATH, "+footer-copy-differs");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, footer_at() + 20, 8192);
    vhd1_disk_seal(test_fs, PATH, footer_at(), 512, VHD1_DISK_FOOTER_CHECKSUM);
    assert_found(PATH, "+footer-stray");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, 70, 1);
    vhd1_disk_poke_be32(test_fs, PATH, footer_at() + 70, 1);
    assert_found(PATH, "footer-checksum");
    AFRESH();
    mem_fs_resize(test_fs, PATH, mem_fs_size(test_fs, PATH) - 1);
    assert_found(PATH, "~footer-legacy");
    static const struct {
        uint64_t field;
        uint32_t value;
        const char *names;
    } fields[] = {
        {8, 6, "~footer-features"},
        {8, 3, ""}, // a temporary disk
        {56, 0x00010203, "~footer-geometry"},
        {84, 0x01000000, "~footer-saved-state"},
        {300, 1, "~footer-reserved"},
        {12, 0x00020000, "footer-version"},
        {60, 9, "footer-type"},
        {48, 0xffffffff, "footer-size"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        uint8_t raw[4];
        AFRESH();
        store_be32(raw, fields[i].value);
        vhd1_disk_poke_footers(test_fs, PATH, fields[i].field, raw, sizeof raw);
        assert_found(PATH, fields[i].names);
    }
    mem_fs_free(good);
}

static void check__fixed__by_name(void **state)
{
    (void)state;
    uint8_t footer[512];
    make(VHD_TYPE_FIXED);
    mem_fs_peek(test_fs, PATH, footer_at(), footer, sizeof footer);
    mem_fs_poke(test_fs, PATH, SIZE + 4096, footer, sizeof footer);
    assert_found(PATH, "~file-longer");
    mem_fs_resize(test_fs, PATH, SIZE - 4096);
    mem_fs_poke(test_fs, PATH, SIZE - 4096, footer, sizeof footer);
    assert_found(PATH, "file-truncated");
    store_be64(footer + 16, 512);
    store_be32(footer + 64, vhd1_checksum(footer, sizeof footer, 64));
    mem_fs_resize(test_fs, PATH, SIZE);
    mem_fs_poke(test_fs, PATH, SIZE, footer, sizeof footer);
    assert_found(PATH, "~footer-data-offset");
}

static void check__header__by_name(void **state)
{
    (void)state;
    static const struct {
        uint64_t field;
        uint32_t value;
        const char *names;
    } fields[] = {
        {0, 0, "header-corrupt"},          {24, 0x00020000, "header-version"},
        {28, 3, "header-corrupt"},         {32, 3 << 20, "header-block-size"},
        {20, 1537, "header-corrupt"},      {20, 512, "bat-overlaps-header"},
        {16, 1, "bat-past-end"},           {60, 1, "~header-reserved"},
        {40, 1, "~header-parent-ignored"},
    };
    make(VHD_TYPE_DYNAMIC);
    struct mem_fs *good = mem_fs_clone(test_fs);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        AFRESH();
        vhd1_disk_poke_header(test_fs, PATH, fields[i].field, fields[i].value);
        assert_found(PATH, fields[i].field == 60 ? "~header-reserved ~header-parent-ignored"
                                                 : fields[i].names);
    }
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, 512 + 36, 1);
    assert_found(PATH, "+header-checksum");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, 512 + 36, 1);
    vhd1_disk_poke_be32(test_fs, PATH, TABLE, 2);
    assert_found(PATH, "block-overlaps-headers header-checksum");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, 512 + 800, 1); // which of the two is wrong is not known
    assert_found(PATH, "header-checksum ~header-reserved");
    mem_fs_free(good);
}

static void check__blocks__by_name(void **state)
{
    (void)state;
    static const struct {
        uint32_t sector;
        const char *names;
    } blocks[] = {
        {0, "block-overlaps-headers block-overlap"},
        {3, "block-overlaps-headers block-overlap"},
        {FIRST_BLOCK + 1, "~bitmap-incomplete ~block-misaligned block-overlap"},
        {8207 + 8, "block-overlaps-footer block-overlap"},
        {100000, "block-past-end"},
        {0xfffffffe, "block-past-end"},
    };
    make(VHD_TYPE_DYNAMIC);
    struct mem_fs *good = mem_fs_clone(test_fs);
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        AFRESH();
        vhd1_disk_poke_be32(test_fs, PATH, TABLE + 4, blocks[i].sector);
        assert_found(PATH, blocks[i].names);
    }
    AFRESH();
    vhd1_disk_poke_be32(test_fs, PATH, TABLE + 12, VHD1_BAT_UNUSED);
    assert_found(PATH, "~space-unused");
    AFRESH();
    mem_fs_clear(test_fs, PATH, FIRST_BLOCK * 512, 512);
    assert_found(PATH, "~bitmap-incomplete");
    AFRESH();
    vhd1_disk_poke_header(test_fs, PATH, 28, 5);
    vhd1_disk_poke_be32(test_fs, PATH, TABLE + 16, 2);
    assert_found(PATH, "~bat-extra-entries");
    AFRESH();
    mem_fs_resize(test_fs, PATH, mem_fs_size(test_fs, PATH) - MIB); // cut off in the second block
    assert_found(PATH, "+footer-missing block-past-end");
    mem_fs_free(good);
}

static void check__child__by_name(void **state)
{
    (void)state;
    make_child();
    struct mem_fs *good = mem_fs_clone(test_fs);
    uint32_t table = vhd1_disk_peek_be32(test_fs, CHILD, 512 + 20);
    mem_fs_clear(test_fs, CHILD, vhd1_disk_peek_be32(test_fs, CHILD, table) * 512ull, 512);
    assert_found(CHILD, "~block-empty");
    AFRESH();
    vhd1_disk_poke_header(test_fs, CHILD, 584, 0x10000000);
    assert_found(CHILD, "locator-outside-file");
    AFRESH();
    uint32_t block = vhd1_disk_peek_be32(test_fs, CHILD, table);
    vhd1_disk_poke_header(test_fs, CHILD, 596, block * 512 + 4096);
    assert_found(CHILD, "block-overlaps-locator locator-text");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, CHILD, 4096, 0x00d800d8); // surrogates without their halves
    assert_found(CHILD, "locator-text");
    AFRESH();
    vhd1_disk_poke_header(test_fs, CHILD, 576, 0);
    vhd1_disk_poke_header(test_fs, CHILD, 600, 0);
    assert_found(CHILD, "~locator-missing");
    AFRESH();
    vhd1_disk_poke_be32(test_fs, CHILD, 512 + 36, 1); // nothing tells that the parent's id is right
    assert_found(CHILD, "header-checksum");
    AFRESH();
    static const uint8_t id[16] = {9};
    vhd1_disk_poke_footers(test_fs, PATH, 68, id, sizeof id);
    assert_found(CHILD, "parent-mismatch");
    mem_fs_free(good);
}

static void check__batmap__accepted(void **state)
{
    (void)state;
    uint8_t batmap[512] = "tdbatmap", creator[8] = {'t', 'a', 'p', 0, 0, 1, 0, 3};
    make(VHD_TYPE_DYNAMIC);
    vhd1_disk_poke_footers(test_fs, PATH, 28, creator, sizeof creator);
    store_be64(batmap + 8, TABLE + 1024);
    store_be32(batmap + 16, 1);
    mem_fs_poke(test_fs, PATH, TABLE + 512, batmap, sizeof batmap);
    assert_found(PATH, "");
    store_be64(batmap + 8, (FIRST_BLOCK + 100) * 512);
    mem_fs_poke(test_fs, PATH, TABLE + 512, batmap, sizeof batmap);
    assert_found(PATH, "block-overlaps-batmap");
    store_be64(batmap + 8, 1ull << 60);
    mem_fs_poke(test_fs, PATH, TABLE + 512, batmap, sizeof batmap);
    assert_found(PATH, "~batmap-outside-file");
    store_be64(batmap + 8, TABLE + 1024);
    mem_fs_poke(test_fs, PATH, TABLE + 512, batmap, sizeof batmap);
    vhd1_disk_poke_be32(test_fs, PATH, TABLE + 1024, 0x80000000); // block 0 is said to be full
    mem_fs_clear(test_fs, PATH, FIRST_BLOCK * 512, 1);
    assert_found(PATH, "~bitmap-incomplete ~batmap-mismatch");
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    (void)context;
    assert_true(done <= total);
    return false;
}

static void check__stopped__says_so(void **state)
{
    (void)state;
    struct found found = {0};
    const struct vhd_check how = {
        .fs = mem_fs_system(test_fs), .problem = remember, .progress = stop, .context = &found};
    make(VHD_TYPE_DYNAMIC);
    assert_status(vhd_check(PATH, &how, &found.result), STATUS_CANCELLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_FS(check__good_disks__nothing), TEST_WITH_FS(check__footers__by_name),
        TEST_WITH_FS(check__fixed__by_name),      TEST_WITH_FS(check__header__by_name),
        TEST_WITH_FS(check__blocks__by_name),     TEST_WITH_FS(check__child__by_name),
        TEST_WITH_FS(check__batmap__accepted),    TEST_WITH_FS(check__stopped__says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
