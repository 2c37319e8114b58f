#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "tests/support/random.h"

static void known_vectors__rfc_3720(void **state)
{
    (void)state;
    uint8_t bytes[32];
    assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x8A9136AA);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x62A8AB43);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc32c(0, bytes, sizeof bytes), 0x46DD794E);
    assert_int_equal(crc32c(0, NULL, 0), 0);
}

static void portable__any_length_and_alignment__equals_the_instruction(void **state)
{
    (void)state;
    struct random r = random_start(random_seed("crc32c"));
    uint8_t *data = malloc(4096);
    random_fill(&r, data, 4096);
    for (unsigned i = 0; i < 2000; i++) {
        size_t from = (size_t)random_below(&r, 64);
        size_t size = (size_t)random_below(&r, 4096 - 64);
        uint32_t previous = (uint32_t)random_u64(&r);
        assert_int_equal(crc32c(previous, data + from, size),
                         crc32c_portable(previous, data + from, size));
    }
    free(data);
}

static void pieces__give_the_crc_of_the_whole(void **state)
{
    (void)state;
    struct random r = random_start(2);
    uint8_t data[1000];
    random_fill(&r, data, sizeof data);
    uint32_t whole = crc32c(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 7)
        assert_int_equal(crc32c(crc32c(0, data, cut), data + cut, sizeof data - cut), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors__rfc_3720),
        cmocka_unit_test(portable__any_length_and_alignment__equals_the_instruction),
        cmocka_unit_test(pieces__give_the_crc_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
