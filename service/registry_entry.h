// How the registry keeps its entries. Not for others.
//
// Copy-on-write: readers take a reference to the present record under a lock that is held for a few
// instructions; a writer works on a copy of its own, persists it, then puts it in the record's
// place.
//
// Locks, in the order in which they are taken:
//   entry->write     one writer a relationship; held while the copy is persisted
//   registry->names  one change of ids or names at a time, so that they stay unique; held while
//                    that is persisted
//   registry->table  the table, the references, what is live; never held during I/O or allocation
//                    of records
#ifndef VREP_SERVICE_REGISTRY_ENTRY_H
#define VREP_SERVICE_REGISTRY_ENTRY_H

#include <pthread.h>

#include "service/registry.h"

// A record that never changes once others can see it.
struct snapshot {
    struct relationship *r;
    unsigned references; // guarded by the table's lock
};

struct entry {
    registry_key key;
    unsigned references; // of the table and of calls that run; guarded by the table's lock
    bool removed;        // guarded by `write`
    pthread_mutex_t write;
    struct snapshot *now;             // guarded by the table's lock
    bool in_progress[PROGRESS_KINDS]; // so are these
    struct resync_progress progress[PROGRESS_KINDS];
    uint64_t counts[REGISTRY_COUNTS];
};

struct registry {
    struct store *store;
    pthread_mutex_t names;
    pthread_mutex_t table;
    struct entry **entries; // ordered by key
    size_t count;           // there is room for RELATIONSHIPS_MAX
    registry_key last_key;
    struct unreadable_state *unreadable; // constant after registry_open
    size_t unreadable_count;
};

// NULL: no such entry. The table's lock is held.
struct entry *registry_entry(const struct registry *registry, registry_key key);

#endif
