#include "tests/support/event_samples.h"

#include <assert.h>
#include <stdlib.h>

const struct event_definition *const *event_samples(size_t *count)
{
    *count = sizeof VREP_PROVIDER_events / sizeof VREP_PROVIDER_events[0];
    return VREP_PROVIDER_events;
}

const struct event_definition *event_sample(uint16_t id)
{
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    for (size_t i = 0; i < count; i++)
        if (events[i]->descriptor.id == id)
            return events[i];
    abort(); // a test that asks for an event that is not there
}

void event_sample_values(const struct event_definition *definition, struct sample_values *out)
{
    static const uint8_t guid[16] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
                                     0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10};
    static const char *const text[] = {"vm 1", "Füße", "диск.vhdx", "\U0001F4BE", "Ω"};
    assert(definition->field_count <= EVENT_PACK_MAX);
    for (size_t i = 0; i < definition->field_count; i++) {
        enum event_in_type type = definition->field[i].in_type;
        switch (type) {
        case EVENT_IN_UNICODE_STRING:
            out->value[i] = event_string(type, text[i % (sizeof text / sizeof text[0])], 0);
            break;
        case EVENT_IN_GUID:
            out->value[i] = event_data(type, guid, sizeof guid);
            break;
        case EVENT_IN_UINT32:
            out->value[i] = event_number(type, 4294967000u + i);
            break;
        case EVENT_IN_UINT64:
            out->value[i] = event_number(type, 1234567890123456700 + i);
            break;
        default:
            // Whoever gives a field another type extends etw/message.c, pack.c and this.
            assert(type == EVENT_IN_HEX_INT32);
            out->value[i] = event_number(type, 0xC03A0000u + i);
        }
    }
}

void event_sample_raise(struct event_log *log, const struct event_definition *definition)
{
    struct sample_values values;
    struct event_writer *writer = event_log_writer(log);
    event_sample_values(definition, &values);
    writer->write(writer, definition, values.value, definition->field_count);
}
