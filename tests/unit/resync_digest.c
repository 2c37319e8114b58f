// Digests: of the widest instructions as of the narrowest, of units and of leaves, and what a child
// reads as without reading all of it.
#include <stdlib.h>
#include <string.h>

#include "service/replicate/child_digest.h"
#include "service/replicate/xxh3_128.h"
#include "tests/support/must.h"
#include "tests/support/random.h"
#include "tests/support/temp.h"
#include "tests/support/test.h"

#define MIB   (1024ull * 1024)
#define SHORT (UNIT_SIZE - 2 * LEAF_SIZE - 512) // the last unit of the disk

static struct digest_key key;

static void xxh3__every_length__is_the_same_by_any_instructions(void **state)
{
    (void)state;
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx2"))
        skip();
    struct random r = random_start(random_seed("resync_digest"));
    uint8_t *data = must_alloc(UNIT_SIZE + 64);
    random_fill(&r, data, UNIT_SIZE + 64);
    for (size_t size = 0; size <= UNIT_SIZE; size += size < 1100 ? 1 : 997) {
        uint8_t narrow[XXH3_128_SIZE], wide[XXH3_128_SIZE], chosen[XXH3_128_SIZE];
        const uint8_t *from = data + size % 64; // any alignment
        xxh3_128_portable(from, size, key.secret, sizeof key.secret, narrow);
        xxh3_128_avx2(from, size, key.secret, sizeof key.secret, wide);
        xxh3_128(from, size, key.secret, sizeof key.secret, chosen);
        assert_memory_equal(narrow, wide, sizeof narrow);
        assert_memory_equal(narrow, chosen, sizeof narrow);
    }
    free(data);
#else
    skip();
#endif
}

static void unit__one_byte_changed__changes_its_leaf_and_the_unit(void **state)
{
    (void)state;
    struct random r = random_start(7);
    uint8_t unit[UNIT_SIZE];
    struct unit_digests before, after;
    random_fill(&r, unit, sizeof unit);
    digest_unit(&key, unit, SHORT, &before);
    for (unsigned leaf = 0; leaf < leaf_count(SHORT); leaf++) {
        unit[leaf * LEAF_SIZE + leaf_length(SHORT, leaf) - 1] ^= 1;
        digest_unit(&key, unit, SHORT, &after);
        unit[leaf * LEAF_SIZE + leaf_length(SHORT, leaf) - 1] ^= 1;
        assert_memory_not_equal(before.unit, after.unit, DIGEST_SIZE);
        for (unsigned other = 0; other < UNIT_LEAVES; other++)
            assert_true((other == leaf) ==
                        (memcmp(before.leaf[other], after.leaf[other], DIGEST_SIZE) != 0));
    }
    static const uint8_t zeros[DIGEST_SIZE];
    for (unsigned leaf = leaf_count(SHORT); leaf < UNIT_LEAVES; leaf++)
        assert_memory_equal(before.leaf[leaf], zeros, DIGEST_SIZE);
}

static void cache__another_unit_of_the_place__forgets_the_first(void **state)
{
    (void)state;
    struct digest_cache *cache = NULL;
    struct unit_digests one = {.unit = {1}}, two = {.unit = {2}}, found;
    assert_ok(digest_cache_new(&cache));
    assert_false(digest_cache_get(cache, 0, 0, &found));
    digest_cache_put(cache, 0, 0, &one);
    assert_true(digest_cache_get(cache, 0, 0, &found));
    assert_memory_equal(&found, &one, sizeof found);
    assert_false(digest_cache_get(cache, 1, 0, &found));
    digest_cache_put(cache, 0, 1ull << 40, &two);
    assert_false(digest_cache_get(cache, 0, 0, &found));
    assert_true(digest_cache_get(cache, 0, 1ull << 40, &found));
    assert_memory_equal(&found, &two, sizeof found);
    digest_cache_free(cache);
}

// A base and its child with changes in some units; the base's digests are known.
struct pair {
    const char *folder;
    char *base_path, *child_path;
    uint64_t size;
    struct vhd *base, *child;
    struct digest_cache *cache;
    uint8_t *buffer, *unit;
};

static void open_pair(struct pair *p, struct random *r)
{
    *p = (struct pair){.folder = temp_folder(), .size = 4 * MIB + SHORT};
    p->base_path = temp_path(p->folder, "base.vhdx");
    p->child_path = temp_path(p->folder, "child.avhdx");
    p->buffer = must_alloc(UNIT_SIZE);
    p->unit = must_alloc(UNIT_SIZE);
    struct vhd_create how = {
        .format = VHD_FORMAT_VHDX, .type = VHD_TYPE_DYNAMIC, .virtual_size = p->size};
    struct vhd_open writing = {.writable = true}, reading = {.share = FILE_SHARE_DENY_WRITE};
    assert_ok(vhd_create(p->base_path, &how));
    assert_ok(vhd_open(p->base_path, &writing, &p->base));
    for (uint64_t at = 0; at < p->size; at += UNIT_SIZE) {
        random_fill(r, p->unit, UNIT_SIZE);
        assert_ok(vhd_write(p->base, at, p->unit, unit_length(p->size, at)));
    }
    assert_ok(vhd_close(p->base));
    assert_ok(vhd_create_child(p->child_path, p->base_path, file_system_os()));
    assert_ok(vhd_open(p->base_path, &reading, &p->base));
    assert_ok(vhd_open(p->child_path, &writing, &p->child));
    assert_ok(digest_cache_new(&p->cache));
}

static void close_pair(struct pair *p)
{
    digest_cache_free(p->cache);
    assert_ok(vhd_close(p->child));
    assert_ok(vhd_close(p->base));
    free(p->unit);
    free(p->buffer);
    free(p->child_path);
    free(p->base_path);
    temp_remove(p->folder);
}

static void know_base(struct pair *p, uint64_t at)
{
    struct unit_digests digests;
    assert_ok(vhd_read(p->base, at, p->unit, unit_length(p->size, at)));
    digest_unit(&key, p->unit, unit_length(p->size, at), &digests);
    digest_cache_put(p->cache, 0, at, &digests);
}

static bool digest_is_right(struct pair *p, uint64_t at)
{
    const struct child_digest how = {
        .child = p->child, .key = &key, .base = p->cache, .stream = 0, .buffer = p->buffer};
    struct unit_digests whole;
    uint8_t digest[DIGEST_SIZE];
    assert_ok(vhd_read(p->child, at, p->unit, unit_length(p->size, at)));
    digest_unit(&key, p->unit, unit_length(p->size, at), &whole);
    assert_ok(child_digest(&how, at, unit_length(p->size, at), digest));
    return memcmp(digest, whole.unit, DIGEST_SIZE) == 0;
}

static void child__any_changes__has_the_digest_of_a_whole_reading(void **state)
{
    (void)state;
    struct random r = random_start(random_seed("resync_digest"));
    struct pair p;
    open_pair(&p, &r);
    for (int change = 0; change < 300; change++) {
        uint64_t sectors = p.size / 512, first = random_below(&r, sectors);
        uint64_t most = sectors - first < 40 ? sectors - first : 40;
        size_t length = (size_t)(1 + random_below(&r, most)) * 512;
        random_fill(&r, p.buffer, length);
        if (random_chance(&r, 20))
            assert_ok(vhd_zero(p.child, first * 512, length));
        else
            assert_ok(vhd_write(p.child, first * 512, p.buffer, length));
    }
    for (uint64_t at = 0; at < p.size; at += UNIT_SIZE) {
        assert_true(digest_is_right(&p, at)); // nothing is known: read whole
        know_base(&p, at);
        assert_true(digest_is_right(&p, at));
    }
    close_pair(&p);
}

// What was to be written and is not in the child is not taken from anywhere else.
static void child__a_write_is_missing__has_another_digest(void **state)
{
    (void)state;
    struct random r = random_start(3);
    struct pair p;
    open_pair(&p, &r);
    const struct child_digest how = {
        .child = p.child, .key = &key, .base = p.cache, .stream = 0, .buffer = p.buffer};
    struct unit_digests sent;
    uint8_t digest[DIGEST_SIZE];
    know_base(&p, 0);
    assert_ok(vhd_read(p.base, 0, p.unit, UNIT_SIZE));
    p.unit[5 * LEAF_SIZE + 17] ^= 1;
    p.unit[9 * LEAF_SIZE] ^= 1;
    digest_unit(&key, p.unit, UNIT_SIZE, &sent);
    assert_ok(vhd_write(p.child, 5 * LEAF_SIZE, p.unit + 5 * LEAF_SIZE, LEAF_SIZE));
    assert_ok(child_digest(&how, 0, UNIT_SIZE, digest));
    assert_memory_not_equal(digest, sent.unit, DIGEST_SIZE);
    assert_ok(vhd_write(p.child, 9 * LEAF_SIZE, p.unit + 9 * LEAF_SIZE, LEAF_SIZE));
    assert_ok(child_digest(&how, 0, UNIT_SIZE, digest));
    assert_memory_equal(digest, sent.unit, DIGEST_SIZE);
    // A leaf that nobody wanted written is noticed, too.
    p.unit[0] ^= 1;
    assert_ok(vhd_write(p.child, 0, p.unit, 512));
    assert_ok(child_digest(&how, 0, UNIT_SIZE, digest));
    assert_memory_not_equal(digest, sent.unit, DIGEST_SIZE);
    close_pair(&p);
}

int main(void)
{
    static const uint8_t one[WIRE_NONCE_SIZE] = {1}, two[WIRE_NONCE_SIZE] = {2};
    digest_key_derive(one, two, &key);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xxh3__every_length__is_the_same_by_any_instructions),
        cmocka_unit_test(unit__one_byte_changed__changes_its_leaf_and_the_unit),
        cmocka_unit_test(cache__another_unit_of_the_place__forgets_the_first),
        cmocka_unit_test(child__any_changes__has_the_digest_of_a_whole_reading),
        cmocka_unit_test(child__a_write_is_missing__has_another_digest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
