// An event as the object that a line of events.jsonl holds. Not for others.
#ifndef VREP_ETW_RECORD_JSON_H
#define VREP_ETW_RECORD_JSON_H

#include <jansson.h>

#include "etw/sink.h"

// The first member of a record, so that a reader finds the number without parsing the line.
#define EVENT_RECORD_ID "RecordId"

enum status event_record_json(const struct event_record *record, json_t **out) MUST_CHECK;

#endif
