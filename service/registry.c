#include "service/registry_entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "events/VRep.h"

// ---- references ----

static void snapshot_release(struct registry *registry, struct snapshot *snapshot)
{
    pthread_mutex_lock(&registry->table);
    bool last = --snapshot->references == 0;
    pthread_mutex_unlock(&registry->table);
    if (!last)
        return;
    relationship_free(snapshot->r);
    free(snapshot);
}

static struct snapshot *snapshot_new(struct relationship *r)
{
    struct snapshot *snapshot = malloc(sizeof *snapshot);
    if (snapshot)
        *snapshot = (struct snapshot){.r = r, .references = 1};
    return snapshot;
}

static void entry_free(struct entry *entry)
{
    relationship_free(entry->now->r); // NOLINT(clang-analyzer-unix.Malloc): references are counted
    free(entry->now);
    pthread_mutex_destroy(&entry->write);
    free(entry);
}

static void entry_release(struct registry *registry, struct entry *entry)
{
    pthread_mutex_lock(&registry->table);
    bool last = --entry->references == 0;
    pthread_mutex_unlock(&registry->table);
    if (last)
        entry_free(entry);
}

// Index of the first entry whose key is not below `key`; the table's lock is held.
static size_t position_of(const struct registry *registry, registry_key key)
{
    size_t low = 0, high = registry->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (registry->entries[middle]->key < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct entry *registry_entry(const struct registry *registry, registry_key key)
{
    size_t i = position_of(registry, key);
    return i < registry->count && registry->entries[i]->key == key ? registry->entries[i] : NULL;
}

static enum status removed_meanwhile(void)
{
    status_fail(STATUS_NOT_FOUND, 0, "The relationship was removed meanwhile.");
    return status_advise(RelationshipNotFound_value,
                         "vrepctl status lists the relationships that exist.");
}

// A reference to the entry of `key`, to be released.
static enum status entry_acquire(struct registry *registry, registry_key key, struct entry **out)
{
    pthread_mutex_lock(&registry->table);
    struct entry *entry = registry_entry(registry, key);
    if (entry)
        entry->references++;
    pthread_mutex_unlock(&registry->table);
    if (!entry)
        return removed_meanwhile();
    *out = entry;
    return STATUS_OK;
}

static struct snapshot *entry_snapshot(struct registry *registry, struct entry *entry)
{
    pthread_mutex_lock(&registry->table);
    struct snapshot *snapshot = entry->now;
    snapshot->references++;
    pthread_mutex_unlock(&registry->table);
    return snapshot;
}

// References to what all entries now hold: readers that look at every record work on these.
struct view {
    registry_key key;
    struct snapshot *snapshot;
};

static void views_free(struct registry *registry, struct view *views, size_t count)
{
    for (size_t i = 0; i < count; i++)
        snapshot_release(registry, views[i].snapshot);
    free(views);
}

static enum status views_take(struct registry *registry, struct view **out, size_t *count)
{
    struct view *views = calloc(RELATIONSHIPS_MAX, sizeof *views);
    if (!views)
        return status_no_memory("the list of relationships");
    pthread_mutex_lock(&registry->table);
    for (size_t i = 0; i < registry->count; i++) {
        views[i] = (struct view){registry->entries[i]->key, registry->entries[i]->now};
        views[i].snapshot->references++;
    }
    *count = registry->count;
    pthread_mutex_unlock(&registry->table);
    *out = views;
    return STATUS_OK;
}

// ---- the table ----

static struct entry *entry_new(struct relationship *r)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry || !(entry->now = snapshot_new(r))) {
        free(entry);
        return NULL;
    }
    pthread_mutex_init(&entry->write, NULL);
    entry->references = 1;
    return entry;
}

// Frees an entry that never came into the table; its record stays the caller's.
static void entry_discard(struct entry *entry)
{
    entry->now->r = NULL;
    entry_free(entry);
}

// There is room: `names` is held (or the registry is not open yet), and only its holder adds.
static registry_key table_insert(struct registry *registry, struct entry *entry)
{
    pthread_mutex_lock(&registry->table);
    registry_key key = entry->key = ++registry->last_key;
    registry->entries[registry->count++] = entry;
    pthread_mutex_unlock(&registry->table);
    return key;
}

static enum status check_room(struct registry *registry)
{
    pthread_mutex_lock(&registry->table);
    bool room = registry->count < RELATIONSHIPS_MAX;
    pthread_mutex_unlock(&registry->table);
    if (room)
        return STATUS_OK;
    status_fail(STATUS_REFUSED, 0, "This service has %d relationships already, its limit.",
                RELATIONSHIPS_MAX);
    return status_advise(0, "Remove relationships that are no longer needed.");
}

static void note_unreadable(void *context, const char *path)
{
    struct registry *registry = context;
    const struct status_details why = *status_last();
    struct unreadable_state *more =
        realloc(registry->unreadable, (registry->unreadable_count + 1) * sizeof *more);
    char *copy = more ? strdup(path) : NULL;
    if (more)
        registry->unreadable = more;
    if (copy)
        registry->unreadable[registry->unreadable_count++] = (struct unreadable_state){copy, why};
}

static enum status load(struct registry *registry)
{
    struct relationship **all;
    size_t count;
    enum status s = store_load_all(registry->store, &all, &count, note_unreadable, registry);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < count; i++) {
        struct entry *entry = entry_new(all[i]);
        if (entry) {
            table_insert(registry, entry);
        } else {
            relationship_free(all[i]);
            s = status_no_memory("a relationship");
        }
    }
    free(all);
    return s;
}

enum status registry_open(struct store *store, struct registry **out)
{
    struct registry *registry = calloc(1, sizeof *registry);
    struct entry **entries = calloc(RELATIONSHIPS_MAX, sizeof(struct entry *));
    if (!registry || !entries) {
        free(registry);
        free(entries);
        return status_no_memory("the table of relationships");
    }
    registry->store = store;
    registry->entries = entries;
    pthread_mutex_init(&registry->names, NULL);
    pthread_mutex_init(&registry->table, NULL);
    enum status s = load(registry);
    if (s != STATUS_OK) {
        registry_close(registry);
        return s;
    }
    *out = registry;
    return STATUS_OK;
}

void registry_close(struct registry *registry)
{
    if (!registry)
        return;
    for (size_t i = 0; i < registry->count; i++)
        entry_free(registry->entries[i]);
    for (size_t i = 0; i < registry->unreadable_count; i++)
        free(registry->unreadable[i].path);
    pthread_mutex_destroy(&registry->table);
    pthread_mutex_destroy(&registry->names);
    free(registry->unreadable);
    free(registry->entries);
    free(registry);
}

const struct unreadable_state *registry_unreadable(const struct registry *registry, size_t *count)
{
    *count = registry->unreadable_count;
    return registry->unreadable;
}

// STATUS_EXISTS when another relationship than `self` has the id, or the name in the same mode.
// `names` is held.
static enum status check_unique(struct registry *registry, const struct relationship *r,
                                registry_key self)
{
    struct view *views;
    size_t count;
    enum status s = views_take(registry, &views, &count);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        const struct relationship *other = views[i].snapshot->r;
        char id[GUID_TEXT_SIZE];
        if (views[i].key == self)
            continue;
        if (!guid_is_zero(&r->id) && guid_equal(&r->id, &other->id))
            s = status_fail(STATUS_EXISTS, 0, "Virtual machine '%s' has the id %s already.",
                            other->name, guid_format(&r->id, id));
        else if (r->mode == other->mode && strcmp(r->name, other->name) == 0)
            s = status_fail(STATUS_EXISTS, 0,
                            "A %s relationship of virtual machine '%s' exists already.",
                            r->mode == MODE_PRIMARY ? "primary" : "replica", r->name);
    }
    views_free(registry, views, count);
    if (s == STATUS_EXISTS)
        status_advise(0,
                      "Use another name, or remove that relationship first: vrepctl remove \"%s\"",
                      r->name);
    return s;
}

enum status registry_add(struct registry *registry, struct relationship *r, registry_key *key)
{
    struct entry *entry = entry_new(r);
    if (!entry)
        return status_no_memory("a relationship");
    pthread_mutex_lock(&registry->names);
    enum status s = check_room(registry);
    if (s == STATUS_OK)
        s = check_unique(registry, r, 0);
    if (s == STATUS_OK)
        s = store_save(registry->store, r);
    if (s == STATUS_OK)
        *key = table_insert(registry, entry);
    pthread_mutex_unlock(&registry->names);
    if (s != STATUS_OK)
        entry_discard(entry);
    return s;
}

static int by_name(const void *a, const void *b)
{
    const struct view *left = a, *right = b;
    int order = strcmp(left->snapshot->r->name, right->snapshot->r->name);
    if (order != 0)
        return order;
    return left->key < right->key ? -1 : left->key > right->key;
}

enum status registry_list(struct registry *registry, registry_key **keys, size_t *count)
{
    struct view *views;
    size_t found;
    enum status s = views_take(registry, &views, &found);
    if (s != STATUS_OK)
        return s;
    qsort(views, found, sizeof *views, by_name);
    registry_key *list = malloc((found + 1) * sizeof *list);
    for (size_t i = 0; list && i < found; i++)
        list[i] = views[i].key;
    views_free(registry, views, found);
    if (!list)
        return status_no_memory("the list of relationships");
    *keys = list;
    *count = found;
    return STATUS_OK;
}

static enum status not_known(const char *what)
{
    status_fail(STATUS_NOT_FOUND, 0,
                "No relationship of virtual machine '%.*s' exists on this host.",
                RELATIONSHIP_NAME_MAX, what);
    return status_advise(RelationshipNotFound_value,
                         "vrepctl status lists those that exist; vrepctl enable makes one.");
}

static enum status ambiguous(const char *name, const struct view *views, size_t count)
{
    struct buffer ids = {0};
    enum status s = STATUS_OK;
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        char id[GUID_TEXT_SIZE];
        const struct relationship *r = views[i].snapshot->r;
        if (strcmp(r->name, name) == 0)
            s = buffer_printf(&ids, "%s%s (%s)", ids.size ? ", " : "", guid_format(&r->id, id),
                              replication_mode_text(r->mode));
    }
    if (s == STATUS_OK) {
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "Several relationships are named '%s': %s.",
                        name, (const char *)ids.data);
        status_advise(0, "Give the id of one instead of its name.");
    }
    buffer_free(&ids);
    return s;
}

enum status registry_find(struct registry *registry, const char *name_or_id, registry_key *key)
{
    struct view *views;
    size_t count, matches = 0;
    registry_key found = 0;
    struct guid id;
    enum status s = views_take(registry, &views, &count);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i].snapshot->r->name, name_or_id) == 0) {
            found = views[i].key;
            matches++;
        }
    if (matches > 1)
        s = ambiguous(name_or_id, views, count);
    views_free(registry, views, count);
    if (s != STATUS_OK)
        return s;
    if (matches == 0 && guid_parse(name_or_id, &id) && !guid_is_zero(&id))
        return registry_find_id(registry, &id, key);
    if (matches == 0)
        return not_known(name_or_id);
    *key = found;
    return STATUS_OK;
}

enum status registry_find_id(struct registry *registry, const struct guid *id, registry_key *key)
{
    registry_key found = 0;
    pthread_mutex_lock(&registry->table);
    for (size_t i = 0; i < registry->count && found == 0; i++)
        if (guid_equal(&registry->entries[i]->now->r->id, id))
            found = registry->entries[i]->key;
    pthread_mutex_unlock(&registry->table);
    if (found == 0 || guid_is_zero(id)) {
        char text[GUID_TEXT_SIZE];
        return not_known(guid_format(id, text));
    }
    *key = found;
    return STATUS_OK;
}

enum status registry_get(struct registry *registry, registry_key key, struct relationship **out)
{
    struct entry *entry;
    enum status s = entry_acquire(registry, key, &entry);
    if (s != STATUS_OK)
        return s;
    struct snapshot *snapshot = entry_snapshot(registry, entry);
    struct relationship *copy = relationship_copy(snapshot->r);
    snapshot_release(registry, snapshot);
    entry_release(registry, entry);
    if (!copy)
        return status_no_memory("a copy of a relationship");
    *out = copy;
    return STATUS_OK;
}

// ---- changes ----

// Puts a persisted record into the entry's place and lets go of the one that readers saw so far.
static void publish(struct registry *registry, struct entry *entry, struct snapshot *next)
{
    pthread_mutex_lock(&registry->table);
    struct snapshot *old = entry->now;
    entry->now = next;
    pthread_mutex_unlock(&registry->table);
    snapshot_release(registry, old);
}

static bool renamed(const struct relationship *a, const struct relationship *b)
{
    return !guid_equal(&a->id, &b->id) || strcmp(a->name, b->name) != 0 || a->mode != b->mode;
}

// Persists and publishes the changed copy; `write` is held, `now` is what it was made from.
static enum status commit(struct registry *registry, struct entry *entry,
                          const struct relationship *now, struct snapshot *next)
{
    if (!renamed(now, next->r)) {
        enum status s = store_save(registry->store, next->r);
        if (s == STATUS_OK)
            publish(registry, entry, next);
        return s;
    }
    pthread_mutex_lock(&registry->names);
    enum status s = check_unique(registry, next->r, entry->key);
    if (s == STATUS_OK)
        s = store_save(registry->store, next->r);
    if (s == STATUS_OK)
        publish(registry, entry, next);
    pthread_mutex_unlock(&registry->names);
    return s;
}

static enum status update_entry(struct registry *registry, struct entry *entry,
                                registry_change change, void *argument)
{
    if (entry->removed)
        return removed_meanwhile();
    // Only the holder of `write` replaces `now`, so it may be read without a reference.
    const struct relationship *now = entry->now->r;
    struct relationship *copy = relationship_copy(now);
    struct snapshot *next = copy ? snapshot_new(copy) : NULL;
    if (!next) {
        relationship_free(copy);
        return status_no_memory("a copy of a relationship");
    }
    enum status s = change(copy, argument);
    if (s == STATUS_OK)
        s = commit(registry, entry, now, next);
    if (s != STATUS_OK) {
        relationship_free(copy);
        free(next);
    }
    return s;
}

enum status registry_update(struct registry *registry, registry_key key, registry_change change,
                            void *argument)
{
    struct entry *entry;
    enum status s = entry_acquire(registry, key, &entry);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&entry->write);
    s = update_entry(registry, entry, change, argument);
    pthread_mutex_unlock(&entry->write);
    entry_release(registry, entry);
    return s;
}

static void table_remove(struct registry *registry, struct entry *entry)
{
    pthread_mutex_lock(&registry->table);
    size_t i = position_of(registry, entry->key);
    memmove(&registry->entries[i], &registry->entries[i + 1],
            (registry->count - i - 1) * sizeof(struct entry *));
    registry->count--;
    pthread_mutex_unlock(&registry->table);
    entry_release(registry, entry); // the table's reference
}

enum status registry_remove(struct registry *registry, registry_key key)
{
    struct entry *entry;
    enum status s = entry_acquire(registry, key, &entry);
    if (s != STATUS_OK)
        return s;
    pthread_mutex_lock(&entry->write);
    s = entry->removed ? removed_meanwhile() : store_remove(registry->store, entry->now->r);
    if (s == STATUS_OK) {
        entry->removed = true;
        table_remove(registry, entry);
    }
    pthread_mutex_unlock(&entry->write);
    entry_release(registry, entry); // NOLINT(clang-analyzer-unix.Malloc): ours still counts
    return s;
}
