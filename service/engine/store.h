// Persists relationships and server settings under <data>; the only writer there. Not pure, the one
// of engine/ that does I/O.
#ifndef VREP_SERVICE_ENGINE_STORE_H
#define VREP_SERVICE_ENGINE_STORE_H

#include "service/engine/relationship.h"

#define MAXIMUM_ACTIVE_TRANSFERS_DEFAULT 3 // Hyper-V's default and limit
#define MAXIMUM_ACTIVE_TRANSFERS_LIMIT   1024
#define WATCH_INTERVAL_DEFAULT_S         30
#define WATCH_INTERVAL_MAX_S             86400
#define METRICS_INTERVAL_DEFAULT_S       15
#define METRICS_INTERVAL_MAX_S           86400
#define VREP_DEFAULT_PORT                29242

struct server_settings {
    char *listen_address;              // "127.0.0.1"
    uint16_t listen_port;              // 29242
    uint64_t bandwidth_limit;          // bytes per second, 0: none
    unsigned maximum_active_transfers; // resynchronizations at once; the others queue
    unsigned watch_interval_s;         // an idle disk's identity is looked at so often; 1 to
                                       // WATCH_INTERVAL_MAX_S
    char *metrics_folder;              // absolute; NULL: metrics are not written
    unsigned metrics_interval_s;       // they are written so often; 1 to METRICS_INTERVAL_MAX_S
    json_t *unknown;                   // members of a newer minor version, kept; NULL: none
};

// STATUS_INVALID_ARGUMENT unless `path` can be a metrics_folder.
enum status server_settings_check_folder(const char *path) MUST_CHECK;

struct store;

// Opens <data> (created if missing, private) and takes a lock on it: a second service is
// STATUS_IN_USE.
enum status store_open(const char *data_folder, struct store **out) MUST_CHECK;
void store_close(struct store *store);

// Without a config.json: the defaults. A damaged one, a newer major or an impossible value is a
// failure: limits that an administrator set must not be dropped silently.
enum status store_load_settings(struct store *store, struct server_settings *out) MUST_CHECK;
enum status store_save_settings(struct store *store,
                                const struct server_settings *settings) MUST_CHECK;
void server_settings_free(struct server_settings *settings);

// Every relationship on disk, *out allocated (caller frees each and the array). A file that cannot
// be read (damaged, newer major) is left untouched and reported through `unreadable` (path, failure
// recorded); the others load.
enum status store_load_all(struct store *store, struct relationship ***out, size_t *count,
                           void (*unreadable)(void *context, const char *path),
                           void *context) MUST_CHECK;
// Saved and stable when it returns. The file is named by r->id, or, before a replica's first
// contact, by a temporary id; r->stored_as is kept up to date. Different relationships may be saved
// by several threads at once.
enum status store_save(struct store *store, struct relationship *r) MUST_CHECK;
enum status store_remove(struct store *store, const struct relationship *r) MUST_CHECK;

#endif
