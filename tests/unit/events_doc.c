// docs/events.md is the manifest as a table. After a change of etw/VRep.man:
//     VREP_UPDATE_DOCS=1 build/native/tests/unit_events_doc        (from the top of the sources)
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "tests/support/event_samples.h"

#define DOC_MAX (1024 * 1024)

static const char introduction[] =
    "# Events\n"
    "\n"
    "Every event goes to `<data>/log/events.jsonl`, one JSON object a line, to the system's own "
    "place for events\n"
    "(docs/operations.md), and with `--console` also to standard error. `vrepctl events` shows "
    "them. A record has `RecordId`\n"
    "(grows by one with each event, over restarts), `TimeCreated` (UTC), `Id`, `Version`, `Level` "
    "(2 error, 3 warning,\n"
    "4 information) and `LevelText`, `Channel`, `Task`, `Opcode`, `Keywords`, `Symbol`, `Message`, "
    "`Instance`, and the fields\n"
    "below by their names. At 16 MiB the file becomes `events.1.jsonl`, and so on up to "
    "`events.4.jsonl`. A power cut may cost\n"
    "the events of the last seconds, a crash of the service none; a line that was torn is to be "
    "ignored. When the volume is\n"
    "full, or one of the other places takes nothing, the service goes on, and 50013 later tells "
    "how many events were lost there.\n"
    "\n"
    "Where Hyper-V Replica has an event for a condition, the number and the leading fields are the "
    "same. The texts of\n"
    "29242, 29244 and 33422 are Hyper-V's word for word. Numbers from 50000 are VRep's own. "
    "`Account` and `Client` say who\n"
    "caused an event and from where; both are empty when VRep acted by itself.\n"
    "\n"
    "| Id | Level | Channel | Symbol | Fields | Message |\n"
    "|---|---|---|---|---|---|\n";

static const char *type_text(enum event_in_type type)
{
    switch (type) {
    case EVENT_IN_GUID:
        return ": GUID";
    case EVENT_IN_UINT32:
    case EVENT_IN_UINT64:
        return ": number";
    case EVENT_IN_HEX_INT32:
        return ": code";
    default:
        return "";
    }
}

static void append_event(struct buffer *out, const struct event_definition *e)
{
    assert_ok(buffer_printf(out, "| %u | %s | %s | %s | ", (unsigned)e->descriptor.id,
                            event_level_text(e->descriptor.level), e->channel, e->symbol));
    for (size_t f = 0; f < e->field_count; f++)
        assert_ok(buffer_printf(out, "%s%zu %s%s", f ? ", " : "", f + 1, e->field[f].name,
                                type_text(e->field[f].in_type)));
    assert_ok(buffer_printf(out, " | %s |\n", e->message));
}

static void events_doc__is_the_manifest(void **state)
{
    (void)state;
    const char *top = getenv("VREP_SOURCE_DIR");
    struct buffer wanted = {0};
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    assert_ok(buffer_printf(&wanted, "%s", introduction));
    for (size_t i = 0; i < count; i++)
        append_event(&wanted, events[i]);

    char *docs = os_path_join(top ? top : ".", "docs");
    char *path = os_path_join(docs, "events.md");
    if (getenv("VREP_UPDATE_DOCS"))
        assert_ok(os_replace_file(path, wanted.data, wanted.size));
    char *present;
    size_t size;
    assert_ok(os_read_file(path, DOC_MAX, &present, &size));
    if (strcmp(present, (const char *)wanted.data) != 0)
        fail_msg(
            "%s is not what the manifest says; the head of this test says how to write it anew",
            path);
    free(present);
    free(path);
    free(docs);
    buffer_free(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_doc__is_the_manifest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
