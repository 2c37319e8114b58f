// The template resource and the message table of a small manifest, byte by byte; template GUIDs,
// hashes of names, SHA-256.
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "etw/compile/binxml.h"
#include "etw/compile/crim.h"
#include "etw/compile/emit.h"
#include "etw/compile/message_table.h"
#include "etw/compile/sha256.h"
#include "etw/compile/template_guid.h"

static const char small[] =
    "<instrumentationManifest><instrumentation><events>"
    "<provider name='P' guid='{00112233-4455-6677-8899-aabbccddeeff}' symbol='P'>"
    "<channels><channel chid='A' name='P/A' type='Admin'/></channels>"
    "<keywords><keyword name='K' mask='0x4'/></keywords>"
    "<templates><template tid='T'><data name='a' inType='win:UInt32'/></template></templates>"
    "<events><event value='258' version='3' channel='A' level='win:Error' keywords='K' "
    "template='T' message='$(string.m)'/></events>"
    "</provider></events></instrumentation>"
    "<localization><resources culture='en-US'><stringTable><string id='m' value='a=%1&#10;b'/>"
    "</stringTable></resources></localization></instrumentationManifest>";

// clang-format off
static const uint8_t resource[] = {
    // 0x000 header: length 0x214, 5.1, one provider at 0x24
    'C', 'R', 'I', 'M', 0x14, 0x02, 0, 0, 5, 0, 1, 0, 1, 0, 0, 0,
    0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
    0x24, 0, 0, 0,
    // 0x024 provider: length 0x1F0, no message, eight blocks
    'W', 'E', 'V', 'T', 0xF0, 0x01, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 8, 0, 0, 0,
    5, 0, 0, 0, 0x74, 0, 0, 0,     // channels
    7, 0, 0, 0, 0x9C, 0, 0, 0,     // templates
    13, 0, 0, 0, 0x48, 0x01, 0, 0, // traits
    2, 0, 0, 0, 0x60, 0x01, 0, 0,  // opcodes
    0, 0, 0, 0, 0x6C, 0x01, 0, 0,  // levels
    1, 0, 0, 0, 0x9C, 0x01, 0, 0,  // tasks
    3, 0, 0, 0, 0xA8, 0x01, 0, 0,  // keywords
    4, 0, 0, 0, 0xD0, 0x01, 0, 0,  // events
    // 0x074 one channel: own, name at 0x90, value 16, no message
    'C', 'H', 'A', 'N', 0x28, 0, 0, 0, 1, 0, 0, 0,
    0, 0, 0, 0, 0x90, 0, 0, 0, 16, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
    0x0C, 0, 0, 0, 'P', 0, '/', 0, 'A', 0, 0, 0,
    // 0x09C one template
    'T', 'T', 'B', 'L', 0xAC, 0, 0, 0, 1, 0, 0, 0,
    // 0x0A8 of one field, one item at 0x12C, EventData
    'T', 'E', 'M', 'P', 0xA0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0x2C, 0x01, 0, 0, 1, 0, 0, 0,
    0xB1, 0xFE, 0x72, 0x5B, 0x54, 0x69, 0x5F, 0x5F, 0xBA, 0x86, 0x9D, 0xE8, 0xE7, 0x40, 0x95, 0x6E,
    0x0F, 1, 1, 0,
    0x01, 0xFF, 0xFF, 0x4E, 0, 0, 0,
    0x44, 0x82, 9, 0, 'E', 0, 'v', 0, 'e', 0, 'n', 0, 't', 0, 'D', 0, 'a', 0, 't', 0, 'a', 0, 0, 0,
    0x02,
    0x41, 0xFF, 0xFF, 0x2D, 0, 0, 0,
    0x8A, 0x6F, 4, 0, 'D', 0, 'a', 0, 't', 0, 'a', 0, 0, 0,
    0x15, 0, 0, 0, 0x06, 0x4B, 0x95, 4, 0, 'N', 0, 'a', 0, 'm', 0, 'e', 0, 0, 0,
    0x05, 0x01, 1, 0, 'a', 0,
    0x02, 0x0D, 0, 0, 8, 0x04, // the value of field 0, a UInt32
    0x04, 0x00, 0, 0,          // padded to 0x12C
    0, 0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40, 0x01, 0, 0,
    8, 0, 0, 0, 'a', 0, 0, 0,
    // 0x148 traits: the name, at 0x15C
    'P', 'R', 'V', 'A', 0x18, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0x10, 0x5C, 0x01, 0, 0,
    'P', 0, 0, 0,
    // 0x160 no opcodes
    'O', 'P', 'C', 'O', 0, 0, 0, 0, 0, 0, 0, 0,
    // 0x16C one level: 2, message 0x50000002, name at 0x184
    'L', 'E', 'V', 'L', 0x30, 0, 0, 0, 1, 0, 0, 0,
    2, 0, 0, 0, 2, 0, 0, 0x50, 0x84, 0x01, 0, 0,
    0x18, 0, 0, 0, 'w', 0, 'i', 0, 'n', 0, ':', 0, 'E', 0, 'r', 0, 'r', 0, 'o', 0, 'r', 0, 0, 0,
    // 0x19C no tasks
    'T', 'A', 'S', 'K', 0, 0, 0, 0, 0, 0, 0, 0,
    // 0x1A8 one keyword: 4, no message, name at 0x1C4
    'K', 'E', 'Y', 'W', 0x24, 0, 0, 0, 1, 0, 0, 0,
    4, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xC4, 0x01, 0, 0,
    8, 0, 0, 0, 'K', 0, 0, 0,
    0, 0, 0, 0, // to the next multiple of eight
    // 0x1D0 one event: 258 version 3, channel 16, level 2; message, template, level, keywords, channel
    'E', 'V', 'N', 'T', 0x44, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    0x02, 0x01, 3, 16, 2, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0x80,
    0x02, 0x01, 0x03, 0xB0, 0xA8, 0, 0, 0, 0, 0, 0, 0, 0x78, 0x01, 0, 0,
    0, 0, 0, 0, 1, 0, 0, 0, 0x10, 0x02, 0, 0, 0x80, 0, 0, 0,
    0xB4, 0x01, 0, 0,
    // after the length
    0, 0};

static const uint8_t messages[] = {
    // two blocks of one entry each
    2, 0, 0, 0,
    2, 0, 0, 0x50, 2, 0, 0, 0x50, 0x1C, 0, 0, 0,
    0x02, 0x01, 0x03, 0xB0, 0x02, 0x01, 0x03, 0xB0, 0x30, 0, 0, 0,
    0x14, 0, 1, 0, 'E', 0, 'r', 0, 'r', 0, 'o', 0, 'r', 0, '\r', 0, '\n', 0, 0, 0,
    0x18, 0, 1, 0, 'a', 0, '=', 0, '%', 0, '1', 0, '\r', 0, '\n', 0, 'b', 0, '\r', 0, '\n', 0, 0, 0};
// clang-format on

static void assert_bytes(const struct buffer *found, const uint8_t *wanted, size_t size)
{
    for (size_t i = 0; i < size && i < found->size; i++)
        if (found->data[i] != wanted[i])
            fail_msg("the byte at 0x%zx is 0x%02x instead of 0x%02x", i, found->data[i], wanted[i]);
    assert_int_equal(found->size, size);
}

static void small_manifest__has_these_bytes(void **state)
{
    (void)state;
    struct manifest manifest = {0};
    struct buffer out = {0};
    assert_ok(manifest_read(&manifest, "small.man", small, sizeof small - 1));
    crim_write(&manifest, &out);
    assert_bytes(&out, resource, sizeof resource);
    buffer_free(&out);
    message_table_write(&manifest, manifest.cultures.item[0], &out);
    assert_bytes(&out, messages, sizeof messages);
    buffer_free(&out);
    manifest_free(&manifest);
}

// A template of fields with these names and types.
static void make_template(struct arena *arena, const char *name, const struct field *fields,
                          size_t count, struct template *out)
{
    *out = (struct template){.name = name, .items = count};
    for (size_t i = 0; i < count; i++) {
        struct field *field = arena_alloc(arena, sizeof *field);
        *field = fields[i];
        list_add(arena, &out->fields, field);
    }
}

// Made with Python's hashlib.
static void template_guids__are_those_of_the_rule(void **state)
{
    (void)state;
    static const struct field mixed[] = {
        {.name = "n", .in_type = EVENT_IN_UINT16},
        {.name = "s", .in_type = EVENT_IN_STRUCT, .count = {.from_name = "n"}},
        {.name = "x", .in_type = EVENT_IN_UNICODE_STRING, .count = {.value = 2}}};
    static const struct field entities[] = {{.name = "<&>", .in_type = EVENT_IN_UINT32}};
    static const struct {
        const char *name;
        const struct field *fields;
        size_t count;
        uint8_t guid[16];
    } vectors[] = {{NULL,
                    NULL,
                    0,
                    {0x1F, 0x15, 0x29, 0x35, 0xE3, 0x48, 0x37, 0x5E, 0x41, 0x83, 0xBD, 0x98, 0xBB,
                     0x64, 0xAE, 0xC1}},
                   {"N",
                    mixed,
                    3,
                    {0x96, 0x31, 0x9A, 0x51, 0xDA, 0x20, 0xAC, 0x54, 0x93, 0xD7, 0xD9, 0x9F, 0xA2,
                     0x7C, 0xC7, 0x5D}},
                   {NULL,
                    entities,
                    1,
                    {0x6B, 0x88, 0xF1, 0x2D, 0x3E, 0xE5, 0x94, 0x55, 0xDE, 0x2B, 0x19, 0xAA, 0x6D,
                     0xB8, 0xC5, 0xF4}}};
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct template template;
        struct guid guid;
        make_template(&arena, vectors[i].name, vectors[i].fields, vectors[i].count, &template);
        template_guid(&template, &guid);
        assert_memory_equal(guid.bytes, vectors[i].guid, sizeof guid.bytes);
    }
    arena_free(&arena);
}

// The first three are in every event log of Windows.
static void names__have_these_hashes(void **state)
{
    (void)state;
    assert_int_equal(binxml_hash("EventData"), 0x8244);
    assert_int_equal(binxml_hash("Data"), 0x6F8A);
    assert_int_equal(binxml_hash("Name"), 0x954B);
    assert_int_equal(binxml_hash("ComplexData"), 0xA05A);
    assert_int_equal(binxml_hash("\xC3\x84\xF0\x9F\x98\x80"), 0xF3C7);
    assert_int_equal(binxml_hash(""), 0);
}

static void assert_sha256(const char *text, size_t size, const char *wanted)
{
    uint8_t digest[SHA256_SIZE];
    char hex[2 * SHA256_SIZE + 1];
    sha256(text, size, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(hex, wanted);
}

// FIPS 180-4's examples, and lengths around the padding's.
static void sha256__known_inputs__known_digests(void **state)
{
    (void)state;
    static const char zeros[1000] = {0};
    assert_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_sha256(zeros, 55, "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7");
    assert_sha256(zeros, 64, "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b");
    assert_sha256(zeros, 1000, "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_manifest__has_these_bytes),
        cmocka_unit_test(template_guids__are_those_of_the_rule),
        cmocka_unit_test(names__have_these_hashes),
        cmocka_unit_test(sha256__known_inputs__known_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
