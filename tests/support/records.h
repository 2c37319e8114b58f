// Relationships for tests of the engine and of what builds on it.
#ifndef VREP_TESTS_SUPPORT_RECORDS_H
#define VREP_TESTS_SUPPORT_RECORDS_H

#include "service/engine/relationship.h"

// A primary (with an id) or a replica that was not contacted yet (without), in state 10, with
// `disks` disks
// "<root>/<name>-<n>.vhdx". Ends the program when there is no memory.
struct relationship *record_new(const char *name, enum replication_mode mode, size_t disks);

// A primary with a value other than the default in every field that is persisted.
struct relationship *record_full(void);

// Fails the running test at the first persisted field that differs.
void record_assert_equal(const struct relationship *a, const struct relationship *b);

#endif
