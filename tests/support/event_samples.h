// Every event of etw/VRep.man with values of the right types.
#ifndef VREP_TESTS_SUPPORT_EVENT_SAMPLES_H
#define VREP_TESTS_SUPPORT_EVENT_SAMPLES_H

#include "etw/events.h"
#include "etw/pack.h"

// The events of the manifest.
const struct event_definition *const *event_samples(size_t *count);

// The one of that id; there is one.
const struct event_definition *event_sample(uint16_t id);

struct sample_values {
    struct event_value value[EVENT_PACK_MAX];
};

// Values for each field: strings name it in letters of several scripts, numbers tell its place.
// Valid for the life of the process.
void event_sample_values(const struct event_definition *definition, struct sample_values *out);

// Raises it with those.
void event_sample_raise(struct event_log *log, const struct event_definition *definition);

#endif
