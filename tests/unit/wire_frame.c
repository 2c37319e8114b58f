// Frames, bulk payloads, hellos and requests as bytes.
#include <stdlib.h>
#include <string.h>

#include "base/endian.h"
#include "service/wire/frame.h"
#include "service/wire/hello.h"
#include "service/wire/message.h"
#include "service/wire/request.h"
#include "tests/support/test.h"

#define DISK_SIZE (3 * UNIT_SIZE + 512ull) // four units, the last one short

static const struct wire_header sample = {.type = WIRE_UNIT,
                                          .flags = WIRE_REQUIRED,
                                          .length = 0x12345,
                                          .stream = 7,
                                          .offset = 0x123456789a};

static void header__round_trip__same(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_HEADER_SIZE];
    struct wire_header back;
    wire_header_encode(&sample, bytes);
    assert_memory_equal(bytes, "VR", 2);
    assert_ok(wire_header_decode(bytes, WIRE_PAYLOAD_MAX, &back));
    assert_int_equal(back.type, sample.type);
    assert_int_equal(back.flags, sample.flags);
    assert_int_equal(back.length, sample.length);
    assert_int_equal(back.stream, sample.stream);
    assert_true(back.offset == sample.offset);
}

static void header__any_bit_flipped__protocol(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < WIRE_HEADER_SIZE * 8; bit++) {
        uint8_t bytes[WIRE_HEADER_SIZE];
        struct wire_header back;
        wire_header_encode(&sample, bytes);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_status(wire_header_decode(bytes, WIRE_PAYLOAD_MAX, &back), STATUS_PROTOCOL);
    }
}

static void header__length__limit_is_exact(void **state)
{
    (void)state;
    uint8_t bytes[WIRE_HEADER_SIZE];
    struct wire_header header = {.type = WIRE_REQUEST, .length = WIRE_PAYLOAD_MAX}, back;
    wire_header_encode(&header, bytes);
    assert_ok(wire_header_decode(bytes, WIRE_PAYLOAD_MAX, &back));
    assert_status(wire_header_decode(bytes, WIRE_PAYLOAD_MAX - 1, &back), STATUS_PROTOCOL);
}

static void range__outside_the_disk_or_within_a_unit__protocol(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, length;
        bool good;
    } cases[] = {
        {0, UNIT_SIZE, true},           {0, DISK_SIZE, true},
        {3 * UNIT_SIZE, 512, true},     {0, 0, false},
        {0, DISK_SIZE + 1, false},      {0, UNIT_SIZE + 512, false},
        {512, UNIT_SIZE, false},        {4 * UNIT_SIZE, 512, false},
        {UNIT_SIZE, UINT64_MAX, false}, {UINT64_MAX - UNIT_SIZE + 1, UNIT_SIZE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t payload[LENGTH_PAYLOAD_SIZE];
        uint64_t length = 0;
        struct wire_header header = {
            .type = WIRE_ZERO, .length = LENGTH_PAYLOAD_SIZE, .offset = cases[i].offset};
        message_length_encode(cases[i].length, payload);
        assert_status(message_range_decode(&header, payload, DISK_SIZE, &length),
                      cases[i].good ? STATUS_OK : STATUS_PROTOCOL);
        header.length--;
        assert_status(message_range_decode(&header, payload, DISK_SIZE, &length), STATUS_PROTOCOL);
    }
}

static void hash__counts__within_the_disk(void **state)
{
    (void)state;
    size_t count = 0;
    uint64_t length = 0;
    struct wire_header header = {.type = WIRE_HASH, .length = 4 * DIGEST_SIZE};
    assert_ok(message_hash_check(&header, DISK_SIZE, &count, &length));
    assert_int_equal(count, 4);
    assert_int_equal(length, DISK_SIZE);
    header.length = 5 * DIGEST_SIZE;
    assert_status(message_hash_check(&header, DISK_SIZE, &count, &length), STATUS_PROTOCOL);
    header.length = DIGEST_SIZE + 1;
    assert_status(message_hash_check(&header, DISK_SIZE, &count, &length), STATUS_PROTOCOL);
    header.length = 0;
    assert_status(message_hash_check(&header, DISK_SIZE, &count, &length), STATUS_PROTOCOL);
    header.length = (HASH_UNITS_MAX + 1) * DIGEST_SIZE;
    assert_status(message_hash_check(&header, 1ull << 40, &count, &length), STATUS_PROTOCOL);
}

static void units__ascending_on_the_disk__round_trip(void **state)
{
    (void)state;
    const uint64_t good[] = {0, UNIT_SIZE, 3 * UNIT_SIZE};
    const uint64_t twice[] = {UNIT_SIZE, UNIT_SIZE};
    const uint64_t outside[] = {4 * UNIT_SIZE};
    uint64_t back[LEAF_REQUEST_MAX];
    uint8_t payload[16];
    size_t count = 0;
    struct wire_header header = {.type = WIRE_LEAF_REQUEST, .length = 12};
    message_units_encode(good, 3, payload);
    assert_ok(message_units_decode(&header, payload, DISK_SIZE, back, &count));
    assert_int_equal(count, 3);
    assert_memory_equal(good, back, sizeof good);
    header.length = 8;
    message_units_encode(twice, 2, payload);
    assert_status(message_units_decode(&header, payload, DISK_SIZE, back, &count), STATUS_PROTOCOL);
    header.length = 4;
    message_units_encode(outside, 1, payload);
    assert_status(message_units_decode(&header, payload, DISK_SIZE, back, &count), STATUS_PROTOCOL);
    header.length = 0;
    assert_status(message_units_decode(&header, payload, DISK_SIZE, back, &count), STATUS_PROTOCOL);
}

static void unit__masks_and_data__must_agree(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset;
        uint16_t differs, zero;
        uint32_t data;
        bool good;
    } cases[] = {
        {0, 0x8001, 0x8000, 4096, true},
        {0, 0xffff, 0, UNIT_SIZE, true},
        {3 * UNIT_SIZE, 1, 0, 512, true},  // the short one
        {0, 0, 0, 0, false},               // nothing differs
        {0, 1, 2, 4096, false},            // zero, but not different
        {0, 3, 0, 4096, false},            // data is missing
        {0, 1, 0, 8192, false},            // data is too much
        {3 * UNIT_SIZE, 2, 0, 512, false}, // a leaf past the end
        {4 * UNIT_SIZE, 1, 0, 4096, false},
        {512, 1, 0, 4096, false},
    };
    uint8_t *payload = calloc(1, UNIT_HEADER_SIZE + UNIT_SIZE);
    const uint8_t digest[DIGEST_SIZE] = {1, 2, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct unit_message unit = {.differs = cases[i].differs,
                                    .zero = cases[i].zero,
                                    .digest = digest},
                            back;
        struct wire_header header = {.type = WIRE_UNIT,
                                     .length = UNIT_HEADER_SIZE + cases[i].data,
                                     .offset = cases[i].offset};
        message_unit_encode(&unit, payload);
        assert_status(message_unit_decode(&header, payload, DISK_SIZE, &back),
                      cases[i].good ? STATUS_OK : STATUS_PROTOCOL);
        header.length = UNIT_HEADER_SIZE - 1;
        assert_status(message_unit_decode(&header, payload, DISK_SIZE, &back), STATUS_PROTOCOL);
    }
    free(payload);
}

static void hello__round_trip__same(void **state)
{
    (void)state;
    struct hello mine, back;
    struct buffer text = {.data = NULL};
    assert_ok(hello_init(&mine, "h\xc3\xb6st"));
    assert_ok(hello_encode(&mine, &text));
    assert_ok(hello_decode(&mine, text.data, text.size, &back));
    assert_string_equal(back.host, mine.host);
    assert_string_equal(back.product, mine.product);
    assert_memory_equal(back.nonce, mine.nonce, sizeof mine.nonce);
    assert_true(back.digest_xxh3);
    buffer_free(&text);
}

static enum status decode_text(const char *text)
{
    struct hello mine, back;
    assert_ok(hello_init(&mine, "here"));
    return hello_decode(&mine, (const uint8_t *)text, strlen(text), &back);
}

static void hello__other_major__names_both_versions_and_the_host_to_upgrade(void **state)
{
    (void)state;
    assert_status(decode_text("{\"format\":\"VRepWire\",\"major\":2,\"minor\":5,\"product\":\"7.0."
                              "0\",\"host\":\"there\"}"),
                  STATUS_VERSION);
    assert_non_null(strstr(status_last()->message, "7.0.0"));
    assert_non_null(strstr(status_last()->message, "protocol 2.5"));
    assert_non_null(strstr(status_last()->message, VREP_VERSION));
    assert_non_null(strstr(status_last()->action, "here"));
    assert_status(decode_text("{\"format\":\"VRepWire\",\"major\":0,\"minor\":9,\"product\":\"0.0."
                              "9\",\"host\":\"there\"}"),
                  STATUS_VERSION);
    assert_non_null(strstr(status_last()->action, "there"));
}

static void hello__newer_minor_with_unknown_members__accepted(void **state)
{
    (void)state;
    assert_ok(decode_text(
        "{\"format\":\"VRepWire\",\"major\":1,\"minor\":9,\"product\":\"1.9\",\"host\":\"there\","
        "\"new\":[1],"
        "\"wallTime\":1,\"capabilities\":[\"digest:xxh3-128-leaves\",\"x\"],"
        "\"nonce\":\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}"));
}

static void hello__malformed__protocol(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"format\":\"Other\",\"major\":1,\"minor\":0,\"product\":\"1\",\"host\":\"h\"}",
        "{\"format\":\"VRepWire\",\"major\":-1,\"minor\":0,\"product\":\"1\",\"host\":\"h\"}",
        "{\"format\":\"VRepWire\",\"major\":1,\"minor\":0,\"product\":\"1\",\"host\":\"\"}",
        "{\"format\":\"VRepWire\",\"major\":1,\"minor\":0,\"product\":\"1\",\"host\":\"a\\nb\"}",
        "{\"format\":\"VRepWire\",\"major\":1,\"minor\":0,\"product\":\"1\",\"host\":\"h\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_status(decode_text(texts[i]), STATUS_PROTOCOL);
}

static struct request sample_request(struct peer_disk *disk)
{
    struct request request = {.verb = REQUEST_AGREE,
                              .overwrite_replica = true,
                              .adopt_identity = true,
                              .disks = {.count = 1, .disk = disk}};
    memset(request.relationship_id.bytes, 1, 16);
    memset(request.resync_id.bytes, 2, 16);
    strcpy(request.vm_name, "vm");
    *disk = (struct peer_disk){.name = "d.vhdx",
                               .size = DISK_SIZE,
                               .logical_sector = 512,
                               .physical_sector = 4096,
                               .format = VHD_FORMAT_VHDX,
                               .type = VHD_TYPE_DYNAMIC,
                               .allocated = 5,
                               .write_time = UINT64_MAX,
                               .file_id = {.volume = UINT64_MAX, .file = {1, 2, 0xff}},
                               .identity = {.format = VHD_FORMAT_VHDX,
                                            .virtual_size = DISK_SIZE,
                                            .sequence_number = UINT64_MAX,
                                            .write_time = 1}};
    return request;
}

static enum status decode_object(json_t *object, struct request *out)
{
    char *text = js_text(object);
    assert_non_null(text);
    enum status st = request_decode((const uint8_t *)text, strlen(text), out);
    free(text);
    return st;
}

static void request__round_trip__same(void **state)
{
    (void)state;
    struct peer_disk disk;
    struct request request = sample_request(&disk), back;
    json_t *object = request_encode(&request);
    assert_ok(decode_object(object, &back));
    assert_int_equal(back.verb, REQUEST_AGREE);
    assert_true(back.overwrite_replica);
    assert_true(back.adopt_identity);
    assert_false(back.probe);
    assert_int_equal(back.disks.count, 1);
    assert_memory_equal(&back.disks.disk[0].file_id, &disk.file_id, sizeof disk.file_id);
    assert_true(back.disks.disk[0].identity.sequence_number == UINT64_MAX);
    assert_true(back.disks.disk[0].write_time == UINT64_MAX);
    assert_string_equal(back.disks.disk[0].name, "d.vhdx");
    request_free(&back);
    json_decref(object);
}

static void request__compare__needs_no_id_and_never_only_looks(void **state)
{
    (void)state;
    struct peer_disk disk;
    struct request request = sample_request(&disk), back;
    request.verb = REQUEST_COMPARE;
    memset(&request.resync_id, 0, sizeof request.resync_id);
    json_t *object = request_encode(&request);
    assert_ok(decode_object(object, &back));
    assert_int_equal(back.verb, REQUEST_COMPARE);
    assert_int_equal(back.disks.count, 1);
    request_free(&back);
    json_object_set_new(object, "probe", json_true());
    assert_status(decode_object(object, &back), STATUS_PROTOCOL);
    json_object_del(object, "probe");
    json_object_del(object, "disks");
    assert_status(decode_object(object, &back), STATUS_PROTOCOL);
    json_decref(object);
}

static void request__any_member_missing_or_wrong__protocol(void **state)
{
    (void)state;
    static const char *const members[] = {"verb", "relationshipId", "resyncId", "vmName", "disks"};
    static const char *const disk_members[] = {
        "name", "size",      "logicalSector", "physicalSector", "format",
        "type", "allocated", "writeTime",     "fileId",         "identity"};
    struct peer_disk disk;
    struct request request = sample_request(&disk), back;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *object = request_encode(&request);
        json_object_set_new(object, members[i], json_true());
        assert_status(decode_object(object, &back), STATUS_PROTOCOL);
        json_decref(object);
    }
    for (size_t i = 0; i < sizeof disk_members / sizeof *disk_members; i++) {
        json_t *object = request_encode(&request);
        json_object_del(json_array_get(json_object_get(object, "disks"), 0), disk_members[i]);
        assert_status(decode_object(object, &back), STATUS_PROTOCOL);
        json_decref(object);
    }
}

static json_t *sample_agreement(struct peer_disk *disk, struct peer_volume volume[2])
{
    (void)sample_request(disk);
    volume[0] = (struct peer_volume){.name = "D:", .needed = 7, .free_space = 5};
    volume[1] = (struct peer_volume){.name = "E:", .needed = UINT64_MAX, .free_space = 1};
    struct agreement agreement = {
        .disks = {.count = 1, .disk = disk}, .free_space = 1, .volume_count = 2, .volume = volume};
    return agreement_encode(&agreement);
}

static void agreement__volumes__same_or_none(void **state)
{
    (void)state;
    struct peer_disk disk;
    struct peer_volume volume[2];
    struct agreement back;
    json_t *object = sample_agreement(&disk, volume);
    assert_ok(agreement_decode(object, &back));
    assert_int_equal(back.volume_count, 2);
    assert_string_equal(back.volume[0].name, "D:");
    assert_true(back.volume[0].needed == 7 && back.volume[0].free_space == 5);
    assert_true(back.volume[1].needed == INT64_MAX);
    agreement_free(&back);
    json_object_del(object, "volumes"); // a version that does not tell them
    assert_ok(agreement_decode(object, &back));
    assert_int_equal(back.volume_count, 0);
    agreement_free(&back);
    json_decref(object);
}

static void agreement__volume_wrong_or_too_many__protocol(void **state)
{
    (void)state;
    static const char *const members[] = {"name", "needed", "freeSpace"};
    struct peer_disk disk;
    struct peer_volume volume[2];
    struct agreement back;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *object = sample_agreement(&disk, volume);
        json_object_set_new(json_array_get(json_object_get(object, "volumes"), 1), members[i],
                            json_true());
        assert_status(agreement_decode(object, &back), STATUS_PROTOCOL);
        json_decref(object);
    }
    json_t *object = sample_agreement(&disk, volume);
    json_t *volumes = json_object_get(object, "volumes");
    while (json_array_size(volumes) <= RELATIONSHIP_DISKS_MAX)
        json_array_append(volumes, json_array_get(volumes, 0));
    assert_status(agreement_decode(object, &back), STATUS_PROTOCOL);
    json_decref(object);
}

static void reply__error__comes_back_as_it_was(void **state)
{
    (void)state;
    struct pair_mismatch mismatch = {
        .present = true, .disk = 3, .name = "r.vhdx", .size = 77, .logical_sector = 512};
    struct pair_mismatch back;
    json_t *reply = NULL;
    (void)status_fail(STATUS_MISMATCH, 5, "They differ.");
    (void)status_advise(29260, "Resize.");
    struct status_details details = *status_last();
    json_t *object = reply_error(&details, &mismatch);
    char *text = js_text(object);
    assert_status(reply_decode((const uint8_t *)text, strlen(text), &back, &reply),
                  STATUS_MISMATCH);
    assert_string_equal(status_last()->message, "They differ.");
    assert_string_equal(status_last()->action, "Resize.");
    assert_int_equal(status_last()->event_id, 29260);
    assert_true(back.present);
    assert_int_equal(back.disk, 3);
    assert_int_equal(back.size, 77);
    free(text);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header__round_trip__same),
        cmocka_unit_test(header__any_bit_flipped__protocol),
        cmocka_unit_test(header__length__limit_is_exact),
        cmocka_unit_test(range__outside_the_disk_or_within_a_unit__protocol),
        cmocka_unit_test(hash__counts__within_the_disk),
        cmocka_unit_test(units__ascending_on_the_disk__round_trip),
        cmocka_unit_test(unit__masks_and_data__must_agree),
        cmocka_unit_test(hello__round_trip__same),
        cmocka_unit_test(hello__other_major__names_both_versions_and_the_host_to_upgrade),
        cmocka_unit_test(hello__newer_minor_with_unknown_members__accepted),
        cmocka_unit_test(hello__malformed__protocol),
        cmocka_unit_test(request__round_trip__same),
        cmocka_unit_test(request__compare__needs_no_id_and_never_only_looks),
        cmocka_unit_test(request__any_member_missing_or_wrong__protocol),
        cmocka_unit_test(agreement__volumes__same_or_none),
        cmocka_unit_test(agreement__volume_wrong_or_too_many__protocol),
        cmocka_unit_test(reply__error__comes_back_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
