#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/os.h"
#include "etw/message.h"
#include "etw/sink.h"

static enum status write_console(struct event_sink *sink, const struct event_record *record)
{
    char time[CLOCK_TEXT_SIZE];
    struct buffer line = {0};
    (void)sink;
    enum status s =
        buffer_printf(&line, "%s %s %u: %s\n", clock_format_local(record->time_ms, time),
                      event_level_text(record->definition->descriptor.level),
                      (unsigned)record->definition->descriptor.id, record->message);
    if (s == STATUS_OK)
        os_print(true, (const char *)line.data);
    buffer_free(&line);
    return s;
}

static void close_console(struct event_sink *sink)
{
    free(sink);
}

struct event_sink *sink_console_open(void)
{
    struct event_sink *sink = malloc(sizeof *sink);
    if (sink)
        *sink = (struct event_sink){"the console", write_console, close_console};
    return sink;
}
