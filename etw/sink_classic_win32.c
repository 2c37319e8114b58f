#include "etw/windows_win32.h"

#include <stdlib.h>

#include "base/os_win32.h"
#include "etw/message.h"
#include "etw/pack.h"

// Not the provider's name: a viewer would take these for the provider's events.
#define SOURCE_NAME L"VRepService"
#define BUDGET      (60 * 1000) // bytes of all strings; one may have 31,839 characters

struct sink_classic {
    struct event_sink sink;
    HANDLE source;
};

static WORD classic_type(unsigned level)
{
    switch (level) {
    case EVENT_ERROR:
        return EVENTLOG_ERROR_TYPE;
    case EVENT_WARNING:
        return EVENTLOG_WARNING_TYPE;
    default:
        return EVENTLOG_INFORMATION_TYPE;
    }
}

static enum status write_classic(struct event_sink *sink, const struct event_record *record)
{
    const struct event_definition *definition = record->definition;
    const struct sink_classic *classic = (const struct sink_classic *)sink;
    const WCHAR *strings[EVENT_PACK_MAX];
    struct event_pack pack;
    enum status s = event_pack_texts(record->values, definition->field_count, BUDGET, &pack);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < pack.count; i++)
        strings[i] = (const WCHAR *)pack.piece[i].text;
    if (!event_windows()->report_event(classic->source, classic_type(definition->descriptor.level),
                                       0, definition->message_id, NULL, (WORD)pack.count, 0,
                                       strings, NULL))
        s = status_fail_win32(GetLastError(), "Event %u cannot be reported",
                              (unsigned)definition->descriptor.id);
    event_pack_free(&pack);
    return s;
}

static void close_classic(struct event_sink *sink)
{
    (void)event_windows()->deregister_source(((struct sink_classic *)sink)->source);
    free(sink);
}

static bool provider_is_registered(void)
{
    HKEY key = event_provider_key();
    if (key)
        RegCloseKey(key);
    return key != NULL;
}

struct event_sink *sink_classic_open(void)
{
    if (provider_is_registered())
        return NULL;
    struct sink_classic *classic = calloc(1, sizeof *classic);
    if (!classic)
        return NULL;
    classic->sink = (struct event_sink){"the Application log", write_classic, close_classic};
    classic->source = event_windows()->register_source(NULL, SOURCE_NAME);
    if (classic->source)
        return &classic->sink;
    free(classic);
    return NULL;
}
