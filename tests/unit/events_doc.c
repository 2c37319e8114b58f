// docs/events.md is the catalogue as a table. After a change of the catalogue:
//     VREP_UPDATE_DOCS=1 build/native/tests/unit_events_doc        (from the top of the sources)
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/os.h"
#include "etw/events.h"
#include "etw/record.h"

#define DOC_MAX (1024 * 1024)

static const char introduction[] = "# Events\n"
                                   "\n"
                                   "Every event goes to `<data>/log/events.jsonl`, one JSON object "
                                   "a line, and with `--console` also to standard\n"
                                   "error. `vrepctl events` shows them. A record has `RecordId` "
                                   "(grows by one with each event, over restarts),\n"
                                   "`TimeCreated` (UTC), `Id`, `Level` (2 error, 3 warning, 4 "
                                   "information) and `LevelText`, `Symbol`, `Message`,\n"
                                   "`Instance`, and the fields below by their names. At 16 MiB the "
                                   "file becomes `events.1.jsonl`, and so on up to\n"
                                   "`events.4.jsonl`. A power cut may cost the events of the last "
                                   "seconds, a crash of the service none; a line that\n"
                                   "was torn is to be ignored. When the volume is full, the "
                                   "service goes on and 50013 later tells how many events\n"
                                   "were lost.\n"
                                   "\n"
                                   "Where Hyper-V Replica has an event for a condition, the number "
                                   "and the leading fields are the same. The texts of\n"
                                   "29242, 29244 and 33422 are Hyper-V's word for word. A block in "
                                   "29242 and 29244 has 4096 bytes. Numbers from 50000\n"
                                   "are VRep's own. `Account` and `Client` say who caused an event "
                                   "and from where; both are empty when VRep acted by\n"
                                   "itself.\n"
                                   "\n"
                                   "| Id | Level | Symbol | Fields | Message |\n"
                                   "|---|---|---|---|---|\n";

static const char *type_text(enum event_field_type type)
{
    switch (type) {
    case EVENT_FIELD_GUID:
        return ": GUID";
    case EVENT_FIELD_UINT64:
        return ": number";
    case EVENT_FIELD_HEX32:
        return ": code";
    case EVENT_FIELD_STRING:
        break;
    }
    return "";
}

static void append_event(struct buffer *out, const struct event_definition *e)
{
    assert_ok(buffer_printf(out, "| %u | %s | %s | ", (unsigned)e->id, event_level_text(e->level),
                            e->symbol));
    for (unsigned f = 0; f < e->fields; f++)
        assert_ok(buffer_printf(out, "%s%u %s%s", f ? ", " : "", f + 1, e->field[f].name,
                                type_text(e->field[f].type)));
    assert_ok(buffer_printf(out, " | %s |\n", e->text));
}

static void events_doc__is_the_catalogue(void **state)
{
    (void)state;
    const char *top = getenv("VREP_SOURCE_DIR");
    struct buffer wanted = {0};
    size_t count;
    const struct event_definition *events = event_catalogue(&count);
    assert_ok(buffer_printf(&wanted, "%s", introduction));
    for (size_t i = 0; i < count; i++)
        append_event(&wanted, &events[i]);

    char *docs = os_path_join(top ? top : ".", "docs");
    char *path = os_path_join(docs, "events.md");
    if (getenv("VREP_UPDATE_DOCS"))
        assert_ok(os_replace_file(path, wanted.data, wanted.size));
    char *present;
    size_t size;
    assert_ok(os_read_file(path, DOC_MAX, &present, &size));
    if (strcmp(present, (const char *)wanted.data) != 0)
        fail_msg("%s is not the catalogue; the head of this test says how to write it anew", path);
    free(present);
    free(path);
    free(docs);
    buffer_free(&wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(events_doc__is_the_catalogue)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
