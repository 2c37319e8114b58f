// The numbers of messages: those that mc.exe gave in headers that public projects keep (.NET's
// rundown provider, libsir), and those of Windows' own strings in winmeta.h.
#include "tests/support/test.h"

#include <string.h>

#include "etw/compile/model.h"

#define MESSAGE(id) " message='$(string." id ")'/>"

static const char
    document[] = "<instrumentationManifest><instrumentation><events>"
                 "<provider name='Sir' guid='{7ef5932c-c0f3-4c8b-a0f7-7cfae9c60b0e}' symbol='SIR'>"
                 "<channels><importChannel chid='App' name='Application'/>"
                 "<channel chid='D' name='Sir/Debug' type='Debug'" MESSAGE(
                     "debug") "</channels>"
                              "<tasks><task name='Method' value='1' "
                              "message='$(string.method)'><opcodes>"
                              "<opcode name='Complete' value='14'" MESSAGE(
                                  "complete") "</opcodes></task>"
                                              "<task name='Track' value='0x14' "
                                              "message='$(string.track)'><opcodes>"
                                              "<opcode name='Range' value='10'" MESSAGE(
                                                  "range") "</opcodes></task></tasks>"
                                                           "<opcodes><opcode name='All' "
                                                           "value='10'" MESSAGE(
                                                               "all") "</opcodes>"
                                                                      "<keywords><keyword "
                                                                      "name='Loader' "
                                                                      "mask='0x8'" MESSAGE("loader") "<keyword name='Stack' mask='0x40000000'" MESSAGE(
                                                                          "stack") "</keywords>"
                                                                                   "<maps><bitMap "
                                                                                   "name='M'><map "
                                                                                   "value='"
                                                                                   "1'" MESSAGE(
                                                                                       "bit") "<map"
                                                                                              " val"
                                                                                              "ue='"
                                                                                              "2"
                                                                                              "'" MESSAGE("again") "</bitMap><valueMap name='V'><map value='1'" MESSAGE("value") "</valueMap>"
                                                                                                                                                                                 "<bitMap name='N'><map value='1'" MESSAGE(
                                                                                                                                                                                     "next") "</bitMap></maps>"
                                                                                                                                                                                             "<events>"
                                                                                                                                                                                             "<event value='1' version='1' channel='App' level='win:Error'" MESSAGE("one") "<event value='5' version='1' channel='D' level='win:Verbose'" MESSAGE("five") "<event value='0x8D' version='2' opcode='win:Start' task='win:None'" MESSAGE("start") "<event value='0' keywords='win:AuditFailure win:EventlogClassic' opcode='win:Receive'" MESSAGE("zero") "<event value='6' opcode='win:DC_Stop' keywords='win:WDIDiagnostic'" MESSAGE(
                                                                                                                                                                                                 "five") "</events></provider>"
                                                                                                                                                                                                         "<provider name='Second' guid='{7ef5932c-c0f3-4c8b-a0f7-7cfae9c60b0f}' symbol='SECOND'"
                                                                                                                                                                                                         " message='$(string.second)'><channels>"
                                                                                                                                                                                                         "<channel name='Second/Debug' type='Debug'" MESSAGE(
                                                                                                                                                                                                             "seconddebug") "</channels>"
                                                                                                                                                                                                                            "<levels><level name='L' value='16'" MESSAGE(
                                                                                                                                                                                                                                "level") "</levels>"
                                                                                                                                                                                                                                         "<events><event value='5' level='win:Critical'" MESSAGE(
                                                                                                                                                                                                                                             "secondfive") "</events></provider>"
                                                                                                                                                                                                                                                           "</events></instrumentation></instrumentationManifest>";

static const struct {
    const char *string;
    uint32_t id;
} wanted[] = {
    {"channel.Application", 0x90000001},
    {"debug", 0x90000002},
    {"method", 0x70000001},
    {"track", 0x70000014},
    {"complete", 0x3001000E},
    {"range", 0x3014000A},
    {"all", 0x3000000A},
    {"loader", 0x10000004},
    {"stack", 0x1000001F},
    {"bit", 0xF0000001},
    {"again", 0xF0000002},
    {"next", 0xF0000003},
    {"value", 0xD0000001},
    {"one", 0x00000001},
    {"five", 0xB0010005},
    {"start", 0xB002008D},
    {"zero", 0xB0000000},
    {"level.Error", 0x50000002},
    {"level.Verbose", 0x50000005},
    {"opcode.Start", 0x30010000},
    {"opcode.DCStop", 0x30040000},
    {"opcode.Receive", 0x30F00000},
    {"task.None", 0x70000000},
    {"keyword.AuditFailure", 0x10000035},
    {"keyword.Classic", 0x10000038},
    {"keyword.WDIDiag", 0x10000033},
    {"second", 0x91000001},
    {"seconddebug", 0x91000002},
    {"level", 0x51000010},
    {"secondfive", 0xB1000005},
    {"level.Critical", 0x50000001},
};

static const struct message *find(const struct manifest *manifest, const char *string)
{
    for (size_t i = 0; i < manifest->messages.count; i++) {
        const struct message *message = manifest->messages.item[i];
        if (strcmp(message->string, string) == 0)
            return message;
    }
    fail_msg("nobody uses %s", string);
    return NULL;
}

static void messages__have_the_numbers_that_mc_gives(void **state)
{
    (void)state;
    struct manifest manifest = {0};
    // The strings themselves do not matter to the numbers: the document has no table.
    assert_status(manifest_read(&manifest, "ids.man", document, sizeof document - 1),
                  STATUS_INVALID_ARGUMENT);
    assert_non_null(strstr(status_last()->message, "There is no string"));
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        const struct message *message = find(&manifest, wanted[i].string);
        if (message->id != wanted[i].id)
            fail_msg("%s is 0x%08X instead of 0x%08X", wanted[i].string, (unsigned)message->id,
                     (unsigned)wanted[i].id);
    }
    assert_int_equal(manifest_first_uses(&manifest).count, sizeof wanted / sizeof wanted[0]);
    manifest_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages__have_the_numbers_that_mc_gives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
