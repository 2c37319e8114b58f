// A token bucket on bytes. Several threads may take from one bucket; the rate may change at any
// time and acts within 100 ms.
#ifndef VREP_SERVICE_WIRE_THROTTLE_H
#define VREP_SERVICE_WIRE_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct throttle;

enum status throttle_new(uint64_t bytes_per_second,
                         struct throttle **out) MUST_CHECK; // 0: no limit
void throttle_free(struct throttle *throttle);
void throttle_set_rate(struct throttle *throttle, uint64_t bytes_per_second);

// Waits until `bytes` may go out. `give_up` (may be NULL) is asked every 100 ms; true ends the wait
// with false.
bool throttle_take(struct throttle *throttle, uint64_t bytes, bool (*give_up)(void *context),
                   void *context);

#endif
