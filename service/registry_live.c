// What the registry knows of a relationship beside its record, and forgets with the service.
#include "service/registry_entry.h"

void registry_set_progress(struct registry *registry, registry_key key, enum progress_kind kind,
                           const struct resync_progress *progress)
{
    pthread_mutex_lock(&registry->table);
    struct entry *entry = registry_entry(registry, key);
    if (entry) {
        entry->progress[kind] = *progress;
        entry->in_progress[kind] = true;
    }
    pthread_mutex_unlock(&registry->table);
}

bool registry_get_progress(struct registry *registry, registry_key key, enum progress_kind kind,
                           struct resync_progress *out)
{
    pthread_mutex_lock(&registry->table);
    struct entry *entry = registry_entry(registry, key);
    bool present = entry && entry->in_progress[kind];
    if (present)
        *out = entry->progress[kind];
    pthread_mutex_unlock(&registry->table);
    return present;
}

void registry_clear_progress(struct registry *registry, registry_key key, enum progress_kind kind)
{
    pthread_mutex_lock(&registry->table);
    struct entry *entry = registry_entry(registry, key);
    if (entry)
        entry->in_progress[kind] = false;
    pthread_mutex_unlock(&registry->table);
}

void registry_count(struct registry *registry, registry_key key, enum registry_counter counter,
                    uint64_t by)
{
    pthread_mutex_lock(&registry->table);
    struct entry *entry = registry_entry(registry, key);
    if (entry)
        entry->counts[counter] += by;
    pthread_mutex_unlock(&registry->table);
}

uint64_t registry_get_count(struct registry *registry, registry_key key,
                            enum registry_counter counter)
{
    pthread_mutex_lock(&registry->table);
    const struct entry *entry = registry_entry(registry, key);
    uint64_t count = entry ? entry->counts[counter] : 0;
    pthread_mutex_unlock(&registry->table);
    return count;
}
