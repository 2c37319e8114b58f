#include "service/engine/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "vhd/file/file.h"

#define SETTINGS_FORMAT  "VRepSettings"
#define SETTINGS_MAJOR   1
#define SETTINGS_MINOR   0
#define SUFFIX           ".json"
#define FILE_NAME_LENGTH (GUID_TEXT_SIZE - 1 + sizeof SUFFIX - 1) // "<id>.json"

struct store {
    char *settings_path;
    char *folder;      // of the relationships
    struct file *lock; // open for as long as we may write
};

// The lock goes with the process, however it ends; the file stays.
static enum status take_lock(const char *data_folder, struct file **out)
{
    const struct file_system *fs = file_system_os();
    char *path = os_path_join(data_folder, "lock");
    if (!path)
        return status_no_memory("a path");
    struct file_open how = {.writable = true, .create = true, .share = FILE_SHARE_NOTHING};
    enum status s = fs->open(fs, path, &how, out);
    if (s == STATUS_EXISTS) {
        how.create = false;
        s = fs->open(fs, path, &how, out);
    }
    if (s == STATUS_IN_USE) {
        status_fail(STATUS_IN_USE, 0, "Another VRep service uses the data folder \"%s\".",
                    data_folder);
        status_advise(
            0,
            "Stop that service, or give this one a folder of its own (--data) and an instance name "
            "(--instance).");
    }
    free(path);
    return s;
}

enum status store_open(const char *data_folder, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return status_no_memory("the state store");
    store->settings_path = os_path_join(data_folder, "config.json");
    store->folder = os_path_join(data_folder, "relationships");
    enum status s = store->settings_path && store->folder ? STATUS_OK : status_no_memory("a path");
    if (s == STATUS_OK)
        s = os_make_folders(store->folder, true);
    if (s == STATUS_OK)
        s = take_lock(data_folder, &store->lock);
    if (s != STATUS_OK) {
        store_close(store);
        return s;
    }
    *out = store;
    return STATUS_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    file_close(store->lock);
    free(store->settings_path);
    free(store->folder);
    free(store);
}

// ---- settings ----

// Takes an integer member of [low, high] out of `rest`; `preset` when it is absent.
static enum status take_setting(json_t *rest, const char *name, uint64_t low, uint64_t high,
                                uint64_t preset, uint64_t *out)
{
    enum status s = js_opt_u64(rest, name, preset, out);
    if (s == STATUS_OK && (*out < low || *out > high))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "The setting \"%s\" must be %llu to %llu.",
                        name, (unsigned long long)low, (unsigned long long)high);
    (void)json_object_del(rest, name);
    return s;
}

enum status server_settings_check_folder(const char *path)
{
    if (os_path_is_absolute(path) && strlen(path) < OS_PATH_MAX)
        return STATUS_OK;
    return status_fail(STATUS_INVALID_ARGUMENT, 0,
                       "The folder for metrics \"%.200s\" is not an absolute path of less than %d "
                       "bytes.",
                       path, OS_PATH_MAX);
}

static enum status take_metrics(json_t *rest, struct server_settings *settings)
{
    const char *folder;
    uint64_t interval;
    enum status s = js_opt_string(rest, "MetricsFolder", NULL, &folder);
    if (s == STATUS_OK && folder)
        s = server_settings_check_folder(folder);
    if (s == STATUS_OK)
        s = relationship_set_text(&settings->metrics_folder, folder);
    (void)json_object_del(rest, "MetricsFolder");
    if (s == STATUS_OK)
        s = take_setting(rest, "MetricsIntervalSec", 1, METRICS_INTERVAL_MAX_S,
                         METRICS_INTERVAL_DEFAULT_S, &interval);
    if (s == STATUS_OK)
        settings->metrics_interval_s = (unsigned)interval;
    return s;
}

static enum status take_settings(json_t *rest, struct server_settings *settings)
{
    const char *address;
    uint64_t port, transfers, interval;
    enum status s = js_opt_string(rest, "ListenAddress", "127.0.0.1", &address);
    if (s == STATUS_OK)
        s = relationship_set_text(&settings->listen_address, address);
    (void)json_object_del(rest, "ListenAddress");
    if (s == STATUS_OK)
        s = take_setting(rest, "ListenPort", 0, UINT16_MAX, VREP_DEFAULT_PORT, &port);
    if (s == STATUS_OK)
        s = take_setting(rest, "BandwidthLimit", 0, INT64_MAX, 0, &settings->bandwidth_limit);
    if (s == STATUS_OK)
        s = take_setting(rest, "MaximumActiveTransfers", 1, MAXIMUM_ACTIVE_TRANSFERS_LIMIT,
                         MAXIMUM_ACTIVE_TRANSFERS_DEFAULT, &transfers);
    if (s == STATUS_OK)
        s = take_setting(rest, "WatchIntervalSec", 1, WATCH_INTERVAL_MAX_S,
                         WATCH_INTERVAL_DEFAULT_S, &interval);
    if (s == STATUS_OK)
        s = take_metrics(rest, settings);
    if (s != STATUS_OK)
        return s;
    settings->listen_port = (uint16_t)port;
    settings->maximum_active_transfers = (unsigned)transfers;
    settings->watch_interval_s = (unsigned)interval;
    return STATUS_OK;
}

static void drop_stamp(json_t *object)
{
    (void)json_object_del(object, "format");
    (void)json_object_del(object, "major");
    (void)json_object_del(object, "minor");
}

enum status store_load_settings(struct store *store, struct server_settings *out)
{
    json_t *object;
    struct server_settings settings = {0};
    if (!os_file_exists(store->settings_path))
        object = json_object();
    else {
        enum status s =
            js_load_file(store->settings_path, SETTINGS_FORMAT, SETTINGS_MAJOR, &object);
        if (s != STATUS_OK)
            return s;
    }
    if (!object)
        return status_no_memory("the settings");
    drop_stamp(object);
    enum status s = take_settings(object, &settings);
    if (s != STATUS_OK) {
        status_context("The settings in \"%s\"", store->settings_path);
        server_settings_free(&settings);
        json_decref(object);
        return s;
    }
    if (json_object_size(object) > 0)
        settings.unknown = object;
    else
        json_decref(object);
    *out = settings;
    return STATUS_OK;
}

enum status store_save_settings(struct store *store, const struct server_settings *settings)
{
    json_t *object = settings->unknown ? json_deep_copy(settings->unknown) : json_object();
    if (!object)
        return status_no_memory("the settings");
    enum status s = js_put_string(object, "ListenAddress", settings->listen_address);
    if (s == STATUS_OK)
        s = js_put_u64(object, "ListenPort", settings->listen_port);
    if (s == STATUS_OK)
        s = js_put_u64(object, "BandwidthLimit", settings->bandwidth_limit);
    if (s == STATUS_OK)
        s = js_put_u64(object, "MaximumActiveTransfers", settings->maximum_active_transfers);
    if (s == STATUS_OK)
        s = js_put_u64(object, "WatchIntervalSec", settings->watch_interval_s);
    if (s == STATUS_OK && settings->metrics_folder)
        s = js_put_string(object, "MetricsFolder", settings->metrics_folder);
    if (s == STATUS_OK)
        s = js_put_u64(object, "MetricsIntervalSec", settings->metrics_interval_s);
    if (s == STATUS_OK)
        s = js_save_file(store->settings_path, SETTINGS_FORMAT, SETTINGS_MAJOR, SETTINGS_MINOR,
                         object);
    json_decref(object);
    return s;
}

void server_settings_free(struct server_settings *settings)
{
    free(settings->listen_address);
    free(settings->metrics_folder);
    json_decref(settings->unknown);
    *settings = (struct server_settings){0};
}

// ---- relationships ----

static char *relationship_path(const struct store *store, const struct guid *name)
{
    char file_name[FILE_NAME_LENGTH + 1];
    char text[GUID_TEXT_SIZE];
    snprintf(file_name, sizeof file_name, "%s%s", guid_format(name, text), SUFFIX);
    return os_path_join(store->folder, file_name);
}

// True for "<id>.json"; everything else (".new" of a save that a crash cut short, copies of old
// versions) is not ours to load.
static bool parse_file_name(const char *file_name, struct guid *name)
{
    char text[GUID_TEXT_SIZE];
    if (strlen(file_name) != FILE_NAME_LENGTH ||
        strcmp(file_name + GUID_TEXT_SIZE - 1, SUFFIX) != 0)
        return false;
    memcpy(text, file_name, GUID_TEXT_SIZE - 1);
    text[GUID_TEXT_SIZE - 1] = '\0';
    return guid_parse(text, name);
}

struct name_list {
    struct guid *names;
    size_t count, capacity;
    bool no_memory;
};

static bool collect_name(void *context, const char *file_name)
{
    struct name_list *list = context;
    struct guid name;
    if (!parse_file_name(file_name, &name))
        return true;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct guid *more = realloc(list->names, capacity * sizeof *more);
        if (!more) {
            list->no_memory = true;
            return false;
        }
        list->names = more;
        list->capacity = capacity;
    }
    list->names[list->count++] = name;
    return true;
}

static enum status load_one(const char *path, const struct guid *name, struct relationship **out)
{
    json_t *object;
    struct relationship *r;
    enum status s = js_load_file(path, RELATIONSHIP_FORMAT, RELATIONSHIP_MAJOR, &object);
    if (s != STATUS_OK)
        return s;
    s = relationship_from_json(object, &r);
    json_decref(object);
    if (s != STATUS_OK) {
        status_context("The state file \"%s\"", path);
        return s;
    }
    r->stored_as = *name;
    *out = r;
    return STATUS_OK;
}

// Saving under a new id has three steps (store_save). A crash between them leaves the record under
// its old name, or under both: the one whose name is its id stays.
static enum status drop_twins(struct store *store, struct relationship **all, size_t *count)
{
    for (size_t i = 0; i < *count;) {
        size_t twin = *count;
        bool misnamed = !guid_is_zero(&all[i]->id) && !guid_equal(&all[i]->id, &all[i]->stored_as);
        for (size_t j = 0; misnamed && j < *count && twin == *count; j++)
            if (j != i && guid_equal(&all[i]->id, &all[j]->id) &&
                guid_equal(&all[j]->id, &all[j]->stored_as))
                twin = j;
        if (twin == *count) {
            i++;
            continue;
        }
        enum status s = store_remove(store, all[i]);
        if (s != STATUS_OK)
            return s;
        relationship_free(all[i]);
        all[i] = all[--*count];
    }
    return STATUS_OK;
}

static void free_all(struct relationship **all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        relationship_free(all[i]);
    free(all);
}

enum status store_load_all(struct store *store, struct relationship ***out, size_t *count,
                           void (*unreadable)(void *context, const char *path), void *context)
{
    struct name_list list = {0};
    struct relationship **all = NULL;
    size_t loaded = 0;
    enum status s = os_list_folder(store->folder, collect_name, &list);
    if (s == STATUS_OK && list.no_memory)
        s = status_no_memory("the list of relationships");
    if (s == STATUS_OK && !(all = calloc(list.count + 1, sizeof(struct relationship *))))
        s = status_no_memory("the list of relationships");
    for (size_t i = 0; i < list.count && s == STATUS_OK; i++) {
        char *path = relationship_path(store, &list.names[i]);
        if (!path) {
            s = status_no_memory("a path");
        } else if (loaded == RELATIONSHIPS_MAX) {
            status_fail(
                STATUS_UNSUPPORTED, 0,
                "The state file \"%s\" was left out: a service has at most %d relationships.", path,
                RELATIONSHIPS_MAX);
            unreadable(context, path);
        } else if (load_one(path, &list.names[i], &all[loaded]) == STATUS_OK) {
            loaded++;
        } else {
            unreadable(context, path);
        }
        free(path);
    }
    free(list.names);
    if (s == STATUS_OK)
        s = drop_twins(store, all, &loaded);
    if (s != STATUS_OK) {
        if (all)
            free_all(all, loaded);
        return s;
    }
    *out = all;
    *count = loaded;
    return STATUS_OK;
}

static enum status save_as(struct store *store, const struct relationship *r,
                           const struct guid *name)
{
    json_t *object;
    char *path = relationship_path(store, name);
    if (!path)
        return status_no_memory("a path");
    enum status s = relationship_to_json(r, &object);
    if (s == STATUS_OK) {
        s = js_save_file(path, RELATIONSHIP_FORMAT, RELATIONSHIP_MAJOR, RELATIONSHIP_MINOR, object);
        json_decref(object);
    }
    free(path);
    return s;
}

enum status store_save(struct store *store, struct relationship *r)
{
    struct guid name = r->id;
    enum status s = STATUS_OK;
    if (guid_is_zero(&name) && !guid_is_zero(&r->stored_as))
        name = r->stored_as;
    else if (guid_is_zero(&name))
        s = guid_generate(&name);
    if (s != STATUS_OK)
        return s;
    bool renamed = !guid_is_zero(&r->stored_as) && !guid_equal(&name, &r->stored_as);
    if (renamed)
        s = save_as(store, r, &r->stored_as); // so that both files say the same id while both exist
    if (s == STATUS_OK)
        s = save_as(store, r, &name);
    if (s == STATUS_OK && renamed)
        s = store_remove(store, r);
    if (s == STATUS_OK)
        r->stored_as = name;
    return s;
}

enum status store_remove(struct store *store, const struct relationship *r)
{
    if (guid_is_zero(&r->stored_as))
        return STATUS_OK;
    char *path = relationship_path(store, &r->stored_as);
    if (!path)
        return status_no_memory("a path");
    enum status s = os_remove_file(path);
    free(path);
    return s == STATUS_NOT_FOUND ? STATUS_OK : s;
}
