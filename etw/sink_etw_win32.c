#include "etw/windows_win32.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"
#include "etw/events.h"
#include "etw/pack.h"

#define BUDGET     (60 * 1024) // bytes of data: an event has 64 KB, its header included
#define BUDGET_MIN (2 * 1024)  // a smaller event is not worth being sent

struct sink_etw {
    struct event_sink sink;
    REGHANDLE handle; // 0: to be registered with the next event
};

static ULONG register_provider(struct sink_etw *etw)
{
    GUID provider;
    memcpy(&provider, VREP_PROVIDER, sizeof provider);
    if (etw->handle)
        return ERROR_SUCCESS;
    ULONG error = event_windows()->event_register(&provider, NULL, NULL, &etw->handle);
    if (error != ERROR_SUCCESS)
        etw->handle = 0;
    return error;
}

static void unregister_provider(struct sink_etw *etw)
{
    if (etw->handle)
        (void)event_windows()->event_unregister(etw->handle); // nothing can be done about a failure
    etw->handle = 0;
}

static ULONG write_packed(const struct sink_etw *etw, const struct event_record *record,
                          const struct event_pack *pack)
{
    EVENT_DATA_DESCRIPTOR data[EVENT_PACK_MAX];
    EVENT_DESCRIPTOR descriptor;
    memcpy(&descriptor, &record->definition->descriptor, sizeof descriptor);
    for (size_t i = 0; i < pack->count; i++)
        EventDataDescCreate(&data[i], pack->piece[i].data, pack->piece[i].size);
    return event_windows()->event_write(etw->handle, &descriptor, (ULONG)pack->count, data);
}

static bool is_too_big(ULONG error)
{
    return error == ERROR_ARITHMETIC_OVERFLOW || error == ERROR_MORE_DATA;
}

// An event that a session has no room for is sent again with shorter strings.
static enum status write_fitting(const struct sink_etw *etw, const struct event_record *record,
                                 ULONG *error)
{
    *error = ERROR_ARITHMETIC_OVERFLOW;
    for (size_t budget = BUDGET; budget >= BUDGET_MIN && is_too_big(*error); budget /= 2) {
        struct event_pack pack;
        enum status s =
            event_pack_data(record->values, record->definition->field_count, budget, &pack);
        if (s != STATUS_OK)
            return s;
        *error = write_packed(etw, record, &pack);
        event_pack_free(&pack);
    }
    return STATUS_OK;
}

static enum status write_etw(struct event_sink *sink, const struct event_record *record)
{
    struct sink_etw *etw = (struct sink_etw *)sink;
    ULONG error = register_provider(etw);
    if (error != ERROR_SUCCESS)
        return status_fail_win32(error, "The event provider cannot be registered");
    enum status s = write_fitting(etw, record, &error);
    if (s != STATUS_OK || error == ERROR_SUCCESS)
        return s;
    // The registration is not what it was: the next event makes a new one. Whatever else there is
    // (no memory, a full log file) ends by itself.
    if (error == ERROR_INVALID_HANDLE)
        unregister_provider(etw);
    return status_fail_win32(error, "Event %u cannot be written",
                             (unsigned)record->definition->descriptor.id);
}

static void close_etw(struct event_sink *sink)
{
    unregister_provider((struct sink_etw *)sink);
    free(sink);
}

struct event_sink *sink_etw_open(void)
{
    struct sink_etw *etw = calloc(1, sizeof *etw);
    if (!etw)
        return NULL;
    etw->sink = (struct event_sink){"ETW", write_etw, close_etw};
    if (register_provider(etw) == ERROR_SUCCESS)
        return &etw->sink;
    free(etw);
    return NULL;
}
