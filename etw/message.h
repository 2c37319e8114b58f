// From an event's values to text. Not for others, but for event_message.
#ifndef VREP_ETW_MESSAGE_H
#define VREP_ETW_MESSAGE_H

#include "base/buffer.h"
#include "etw/event_types.h"

// ETW's levels that VRep's events have.
enum event_level { EVENT_ERROR = 2, EVENT_WARNING = 3, EVENT_INFORMATION = 4 };

const char *event_level_text(unsigned level);

// The string without line breaks and other control characters, and valid UTF-8 whatever it was: a
// path or a peer's text may hold anything. NULL counts as "". Allocated, caller frees; NULL: out of
// memory.
char *event_clean_string(const char *string);

// A value that is no string, as text: decimal, "0x0000002a" for codes, a GUID's canonical form.
#define EVENT_NUMBER_TEXT_SIZE 40
const char *event_format_number(const struct event_value *value, char text[EVENT_NUMBER_TEXT_SIZE]);

// Appends a value as a message shows it: clean, and "-" for an empty string.
enum status event_append_value(struct buffer *out, const struct event_value *value) MUST_CHECK;

// The text of an event with its fields filled in, as FormatMessage does it for the inserts that
// VRep.man uses (%1 to %99, %n, %%); allocated, caller frees. NULL: out of memory.
char *event_message(const struct event_definition *definition, const struct event_value *values);

#endif
