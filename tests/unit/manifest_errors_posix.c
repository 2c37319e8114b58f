// Manifests that are wrong: one error each, with the line and what is wrong there.
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "etw/compile/model.h"
#include "etw/compile/xml.h"

#define ROOT     "<instrumentationManifest xmlns='http://schemas.microsoft.com/win/2004/08/events'>\n"
#define PROVIDER "<provider name='P' guid='{5da2b0d0-3f2b-4a57-9c0e-6d1b0f1f0a01}' symbol='P'>\n"
#define ADMIN    "<channels><channel chid='A' name='P/Admin' type='Admin'/></channels>\n"
#define FIVE                                                                         \
    "<templates><template tid='T'><data name='a' inType='win:UInt8'/>"               \
    "<data name='b' inType='win:UInt8'/><data name='c' inType='win:UInt8'/>"         \
    "<data name='d' inType='win:UInt8'/><data name='e' inType='win:UnicodeString'/>" \
    "</template></templates>\n"
#define STRING(id, text) "<string id='" id "' value='" text "'/>\n"

// A document of one provider; the first line of `body` is line 4.
#define WITH(body, strings)                                                                     \
    ROOT "<instrumentation><events>\n" PROVIDER body "</provider></events></instrumentation>\n" \
         "<localization><resources culture='en-US'><stringTable>\n" strings                     \
         "</stringTable></resources></localization></instrumentationManifest>\n"
#define OF(body)          WITH(body, "")
#define EVENT(attributes) "<events><event value='1' " attributes "/></events>\n"
#define DATA(attributes)                                                          \
    "<templates><template tid='T'>\n<data name='n' inType='win:UInt32'/>\n<data " \
    "name='x' " attributes "/>\n</template></templates>\n"

struct broken {
    const char *what;
    const char *document;
    unsigned line;
    const char *message; // part of it
};

static const struct broken table[] = {
    // Events and what they name.
    {"unknown channel", OF("\n" EVENT("channel='Nowhere'")), 5, "no channel \"Nowhere\""},
    {"unknown level", OF(EVENT("level='win:Loud'")), 4, "no level"},
    {"unknown task", OF(EVENT("task='T'")), 4, "no task"},
    {"unknown opcode", OF(EVENT("opcode='O'")), 4, "no opcode"},
    {"another task's opcode",
     OF("<tasks><task name='T' value='1'><opcodes><opcode name='O' value='10'/></opcodes></task>\n"
        "<task name='U' value='2'/></tasks>\n" EVENT("task='U' opcode='O'")),
     6, "no opcode"},
    {"unknown keyword", OF(EVENT("keywords='win:SQM K'")), 4, "no keyword \"K\""},
    {"unknown template", OF(EVENT("template='T'")), 4, "no template"},
    {"%7 in a message of five fields",
     WITH(FIVE EVENT("template='T' message='$(string.m)'"), STRING("m", "%1 %5 %7")), 5,
     "has %7, but the event has 5 fields"},
    {"%1 without a template", WITH(EVENT("message='$(string.m)'"), STRING("m", "%%1 %1")), 4,
     "has %1, but the event has 0 fields"},
    {"Admin without message", OF(ADMIN EVENT("channel='A' level='win:Error'")), 5,
     "needs a message"},
    {"level 0 in Admin",
     WITH(ADMIN EVENT("channel='A' level='win:LogAlways' message='$(string.m)'"),
          STRING("m", "text")),
     5, "needs the level"},
    {"no level in Admin",
     WITH(ADMIN EVENT("channel='A' message='$(string.m)'"), STRING("m", "text")), 5,
     "needs the level"},
    {"level 5 in Admin",
     WITH(ADMIN EVENT("channel='A' level='win:Verbose' message='$(string.m)'"),
          STRING("m", "text")),
     5, "needs the level"},
    {"same id and version",
     OF("<events><event value='1'/>\n<event value='2'/>\n<event value='1' "
        "version='0'/></events>\n"),
     6, "\"1 version 0\" is there already, in line 4"},
    {"id too large", OF("<events><event value='65536'/></events>\n"), 4, "from 0 to 65535"},
    {"version too large", OF(EVENT("version='256'")), 4, "from 0 to 255"},
    {"no id", OF("<events><event/></events>\n"), 4, "needs the attribute \"value\""},
    {"no string", OF(EVENT("message='$(string.m)'")), 4, "no string \"m\""},
    {"no string in one language",
     ROOT "<instrumentation><events>\n" PROVIDER EVENT(
         "message='$(string.m)'") "</provider></events></instrumentation>\n"
                                  "<localization><resources culture='en-US'><stringTable>" STRING(
                                      "m", "text") "</stringTable></resources><resources "
                                                   "culture='de-DE'/></localization>"
                                                   "</instrumentationManifest>",
     4, "table of de-DE"},
    {"message that is no reference", OF(EVENT("message='hello'")), 4, "no reference"},
    {"message of two references", OF(EVENT("message='$(string.a)$(string.b)'")), 4, "no reference"},
    // Names and values that must be unique or in a range.
    {"nine channels",
     OF("<channels>\n<channel name='1' type='Debug'/>\n<channel name='2' type='Debug'/>\n"
        "<channel name='3' type='Debug'/>\n<importChannel name='4'/>\n"
        "<channel name='5' type='Debug'/>\n<channel name='6' type='Debug'/>\n"
        "<channel name='7' type='Debug'/>\n<channel name='8' type='Debug'/>\n"
        "<channel name='9' type='Debug'/>\n</channels>\n"),
     13, "at most 8 channels"},
    {"channel value below 16",
     OF("<channels><channel name='C' type='Debug' value='15'/></channels>"), 4, "from 16 to 255"},
    {"channel value above 255",
     OF("<channels><channel name='C' type='Debug' value='0x100'/></channels>"), 4,
     "from 16 to 255"},
    {"channel values",
     OF("<channels><channel name='C' type='Debug' value='16'/>\n<channel "
        "name='D' type='Debug' value='0x10'/></channels>"),
     5, "value of a channel 16"},
    {"channel names",
     OF("<channels><channel name='C' type='Debug'/>\n<importChannel name='C'/>"
        "</channels>"),
     5, "channel \"C\""},
    {"channel ids",
     OF("<channels><channel chid='C' name='D' type='Debug'/>\n<channel chid='C' "
        "name='E' type='Debug'/></channels>"),
     5, "chid \"C\""},
    {"channel type", OF("<channels><channel name='C' type='Secret'/></channels>"), 4, "\"Secret\""},
    {"channel name", OF("<channels><channel name='C?' type='Debug'/></channels>"), 4,
     "not allowed"},
    {"empty channel name", OF("<channels><channel name='' type='Debug'/></channels>"), 4,
     "1 to 255"},
    {"level below 16", OF("<levels><level name='L' value='5'/></levels>"), 4, "from 16 to 255"},
    {"level values",
     OF("<levels><level name='L' value='16'/>\n<level name='M' value='16'/>"
        "</levels>"),
     5, "value of a level 16"},
    {"opcode value", OF("<opcodes><opcode name='O' value='240'/></opcodes>"), 4, "from 10 to 239"},
    {"task 0", OF("<tasks><task name='T' value='0'/></tasks>"), 4, "from 1 to 65535"},
    {"task names", OF("<tasks><task name='T' value='1'/>\n<task name='T' value='2'/></tasks>"), 5,
     "task \"T\""},
    {"keyword beyond 48 bits",
     OF("<keywords><keyword name='K' mask='0x1000000000000'/></keywords>"), 4, "low 48 bits"},
    {"keyword of two bits", OF("<keywords><keyword name='K' mask='3'/></keywords>"), 4,
     "exactly one bit"},
    {"keyword of no bit", OF("<keywords><keyword name='K' mask='0x0'/></keywords>"), 4,
     "exactly one bit"},
    {"keyword masks",
     OF("<keywords><keyword name='K' mask='1'/>\n<keyword name='L' mask='0x1'/>"
        "</keywords>"),
     5, "mask of a keyword 1"},
    {"map values",
     WITH("<maps><valueMap name='M'><map value='1' message='$(string.m)'/>\n<map "
          "value='0x1' message='$(string.m)'/></valueMap></maps>",
          STRING("m", "text")),
     5, "value in a map 1"},
    {"map without message", OF("<maps><valueMap name='M'><map value='1'/></valueMap></maps>"), 4,
     "needs the attribute \"message\""},
    {"template names", OF("<templates><template tid='T'/>\n<template tid='T'/></templates>"), 5,
     "template \"T\""},
    {"symbols",
     OF("<opcodes><opcode name='O' value='10' symbol='S'/></opcodes>\n" EVENT("symbol='S'")), 5,
     "symbol \"S\" is there already, in line 4"},
    {"symbol that is a keyword", OF(EVENT("symbol='int'")), 4, "cannot be used as a name in C"},
    {"symbol that is no name", OF(EVENT("symbol='a-b'")), 4, "cannot be used as a name in C"},
    {"strings", WITH("", STRING("m", "a") STRING("m", "b")), 7, "string \"m\" is there already"},
    {"bad GUID",
     ROOT "<instrumentation><events>\n<provider name='P' guid='{5da2b0d0-3f2b-4a57-9c0e}' "
          "symbol='P'/></events></instrumentation></instrumentationManifest>",
     3, "no GUID"},
    {"providers' names", OF("</provider>\n" PROVIDER), 5, "provider \"P\""},
    {"no provider", ROOT "</instrumentationManifest>", 1, "no provider"},
    {"unknown culture",
     ROOT "<localization>\n<resources culture='xx-YY'/></localization>"
          "</instrumentationManifest>",
     3, "culture \"xx-YY\""},
    // Fields.
    {"unknown inType", OF(DATA("inType='win:UInt128'")), 6, "inType \"win:UInt128\""},
    {"unknown outType", OF(DATA("inType='win:UInt8' outType='xs:colour'")), 6,
     "outType \"xs:colour\""},
    {"unknown map", OF(DATA("inType='win:UInt8' map='M'")), 6, "no map"},
    {"map of a string",
     WITH("<maps><valueMap name='M'/></maps>\n" DATA("inType='win:UnicodeString' map='M'"), ""), 7,
     "cannot have a map"},
    {"length of a number", OF(DATA("inType='win:UInt8' length='4'")), 6, "takes no length"},
    {"count from no field", OF(DATA("inType='win:UInt8' count='m'")), 6, "no field before it"},
    {"count from itself", OF(DATA("inType='win:UInt8' count='x'")), 6, "no field before it"},
    {"count beyond 16 bits", OF(DATA("inType='win:UInt8' count='65536'")), 6, "from 0 to 65535"},
    {"length from a string",
     OF("<templates><template tid='T'><data name='s' inType='win:UnicodeString'/>\n<data name='x' "
        "inType='win:Binary' length='s'/></template></templates>"),
     5, "no single integer"},
    {"fields' names",
     OF(DATA("inType='win:UInt8'") "<templates><template tid='U'><data name='a' "
                                   "inType='win:UInt8'/>\n<data name='a' "
                                   "inType='win:UInt8'/></template></templates>"),
     9, "field \"a\""},
    {"empty struct", OF("<templates><template tid='T'><struct name='S'/></template></templates>"),
     4, "no members"},
    {"struct in a struct",
     OF("<templates><template tid='T'><struct name='S'>\n<struct name='R'/>"
        "</struct></template></templates>"),
     5, "\"struct\" in \"struct\""},
    // The document.
    {"unknown element", OF("<filters/>\n"), 4, "element \"filters\""},
    {"unknown attribute", OF(EVENT("colour='red'")), 4, "attribute \"colour\""},
    {"text", OF("<events>hello</events>"), 4, "text between its tags"},
    {"another document", "<html/>", 1, "not an instrumentationManifest"},
    {"foreign namespace", "<instrumentationManifest xmlns='urn:x'/>", 1, "\"urn:x "},
    {"bad XML", OF("<events>\n<event value='1'>\n</events>\n"), 6, "no XML"},
    {"cut off", ROOT "<instrumentation>", 2, "no XML"},
    {"nothing", "", 1, "no XML"},
    {"no UTF-8", ROOT "<a b='\xff'/>", 2, "no XML"},
    {"unknown entity", OF(EVENT("symbol='&evil;'")), 4, "no XML"},
    {"document type",
     "<!DOCTYPE m [\n<!ENTITY a 'aaaaaaaaaa'>\n<!ENTITY b '&a;&a;&a;'>]>\n<m>&b;</m>", 1,
     "document type"},
};

static void manifest__broken__fails_with_its_line(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct broken *b = &table[i];
        struct manifest manifest = {0};
        char place[32];
        enum status status = manifest_read(&manifest, "x.man", b->document, strlen(b->document));
        manifest_free(&manifest);
        snprintf(place, sizeof place, "x.man:%u: ", b->line);
        const char *message = status == STATUS_OK ? "no error" : status_last()->message;
        if (status == STATUS_INVALID_ARGUMENT && strncmp(message, place, strlen(place)) == 0 &&
            strstr(message, b->message))
            continue;
        print_error("%s: \"%s\" instead of \"%s...%s\"\n", b->what, message, place, b->message);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

// `count` times `piece`, between `head` and `tail`; allocated.
static char *repeat(const char *head, const char *piece, size_t count, const char *tail)
{
    size_t length = strlen(piece);
    char *text = malloc(strlen(head) + count * length + strlen(tail) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, head);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, piece);
    strcpy(at, tail);
    return text;
}

static void assert_refused(char *document, const char *message)
{
    struct manifest manifest = {0};
    assert_status(manifest_read(&manifest, "x.man", document, strlen(document)),
                  STATUS_INVALID_ARGUMENT);
    manifest_free(&manifest);
    free(document);
    if (!strstr(status_last()->message, message))
        fail_msg("\"%s\" instead of \"...%s\"", status_last()->message, message);
}

static void manifest__enormous__is_refused_at_once(void **state)
{
    (void)state;
    assert_refused(repeat("", "<a>", 100000, ""), "nested too deeply");
    assert_refused(repeat("<a>", "<b/>", XML_ELEMENTS_MAX + 1, "</a>"), "too many elements");
    assert_refused(repeat("<a>", " ", XML_SIZE_MAX, "</a>"), "too large");
    assert_refused(repeat(ROOT "<instrumentation><events>" PROVIDER "<templates><template tid='T'>",
                          "<data name='x' inType='win:UInt8'/>", 100,
                          "</template></templates></provider></events></instrumentation>"
                          "</instrumentationManifest>"),
                   "more than 99 fields");
    assert_refused(repeat(ROOT "<localization><resources culture='en-US'><stringTable><string "
                               "id='x' value='",
                          "0123456789", 4000,
                          "'/></stringTable></resources></localization>"
                          "<instrumentation><events>" PROVIDER "</provider></events>"
                          "</instrumentation></instrumentationManifest>"),
                   "too long for a message table");
}

// A few long names in one template of very many events would become gigabytes of functions.
static void manifest__that_would_expand__is_refused(void **state)
{
    (void)state;
    enum { EVENTS = 20000, SIZE = 4 * 1024 * 1024 };
    char *document = malloc(SIZE);
    assert_non_null(document);
    char *at =
        stpcpy(document, ROOT "<instrumentation><events>" PROVIDER "<templates><template tid='T'>");
    for (int i = 0; i < 90; i++)
        at += sprintf(at, "<data name='%0200d' inType='win:UInt8'/>", i);
    at = stpcpy(at, "</template></templates><events>");
    for (int i = 0; i < EVENTS; i++)
        at += sprintf(at, "<event value='%d' template='T'/>", i);
    strcpy(at, "</events></provider></events></instrumentation></instrumentationManifest>");
    assert_refused(document, "more fields and texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(manifest__broken__fails_with_its_line),
        cmocka_unit_test(manifest__enormous__is_refused_at_once),
        cmocka_unit_test(manifest__that_would_expand__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
