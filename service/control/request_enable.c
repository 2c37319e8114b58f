// `enable`: a relationship's disks are looked at before it is made, in a thread of its own with a
// limit, for a disk may not answer.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "service/control/request_schedule.h"
#include "service/control/requests.h"
#include "service/supervise/agenda.h"
#include "service/vm_events.h"

#define LOOK_MS 1500 // a disk that does not answer within this is not taken on

// What `enable` asks for; the strings belong to the request.
struct enable {
    const char *name;
    bool as_replica;
    const char *replica_server, *allowed_primary;
    uint64_t replica_port;
    struct guid vm_id;
    const json_t *disks;
    const json_t *request; // for its schedule
};

// ---- the request ----

static enum status read_disks(const json_t *request, struct enable *enable)
{
    json_t *disks;
    enum status s = js_get_array(request, "disks", &disks);
    if (s != STATUS_OK)
        return s;
    size_t count = json_array_size(disks);
    if (count == 0 || count > RELATIONSHIP_DISKS_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "A relationship has 1 to %d disks; %zu were given.",
                           RELATIONSHIP_DISKS_MAX, count);
    for (size_t i = 0; i < count; i++)
        if (!json_is_string(json_array_get(disks, i)))
            return status_fail(STATUS_INVALID_ARGUMENT, 0, "Disk %zu of \"disks\" is not a string.",
                               i + 1);
    enable->disks = disks;
    return STATUS_OK;
}

static enum status read_primary(const json_t *request, struct enable *enable)
{
    enum status s = js_get_string(request, "replica_server", &enable->replica_server);
    if (s == STATUS_OK)
        s = request_check_host("replica_server", enable->replica_server);
    if (s == STATUS_OK)
        s = js_opt_u64(request, "replica_port", VREP_DEFAULT_PORT, &enable->replica_port);
    if (s == STATUS_OK && (enable->replica_port == 0 || enable->replica_port > UINT16_MAX))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "The port of the replica server must be 1 to 65535.");
    if (s == STATUS_OK)
        s = js_opt_guid(request, "vm_id", &enable->vm_id);
    if (s == STATUS_OK && guid_is_zero(&enable->vm_id))
        s = guid_generate(&enable->vm_id);
    return s;
}

static enum status read_replica(const json_t *request, struct enable *enable)
{
    if (json_object_get(request, "replica_server"))
        return status_fail(
            STATUS_INVALID_ARGUMENT, 0,
            "A relationship is either a replica (\"as_replica\") or has a \"replica_server\".");
    enum status s = js_opt_string(request, "allowed_primary", NULL, &enable->allowed_primary);
    if (s == STATUS_OK && enable->allowed_primary)
        s = request_check_host("allowed_primary", enable->allowed_primary);
    return s;
}

static enum status read_request(const json_t *request, struct enable *enable)
{
    enable->request = request;
    enum status s = js_get_string(request, "name", &enable->name);
    if (s == STATUS_OK)
        s = relationship_check_name(enable->name);
    if (s == STATUS_OK)
        s = js_opt_bool(request, "as_replica", false, &enable->as_replica);
    if (s == STATUS_OK)
        s = enable->as_replica ? read_replica(request, enable) : read_primary(request, enable);
    return s == STATUS_OK ? read_disks(request, enable) : s;
}

// ---- paths ----

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

// Names that lead to a device and not to a file, in either system's spelling: \\.\PhysicalDrive1,
// \\?\Volume{...}, /dev/sdb.
static bool names_device(const char *path)
{
    if (starts_with(path, "\\\\.\\") || starts_with(path, "//./"))
        return true;
    if (starts_with(path, "\\\\?\\") && path[4] != '\0' && path[5] != ':' &&
        !starts_with(path + 4, "UNC\\"))
        return true;
    return starts_with(path, "/dev/") && !starts_with(path, "/dev/shm/"); // a file system in memory
}

static enum status check_path(const char *path)
{
    if (names_device(path)) {
        status_fail(STATUS_UNSUPPORTED, 0,
                    "\"%s\" names a device: a pass-through disk, which cannot be replicated.",
                    path);
        return status_advise(0, "Give the path of a VHD or VHDX file.");
    }
    if (strlen(path) >= OS_PATH_MAX)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "The path of a disk is longer than %d bytes.", OS_PATH_MAX - 1);
    if (!os_path_is_absolute(path)) {
        status_fail(STATUS_INVALID_ARGUMENT, 0, "The path of the disk \"%s\" is not absolute.",
                    path);
        return status_advise(0, "Give its whole path: the service has no current folder.");
    }
    return STATUS_OK;
}

// The paths in their absolute form, as the relationship's disks.
static enum status take_paths(const json_t *disks, struct relationship *r)
{
    size_t count = json_array_size(disks);
    char **paths = calloc(count, sizeof *paths);
    enum status s = paths ? STATUS_OK : status_no_memory("the disks of a relationship");
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        const char *path = json_string_value(json_array_get(disks, i));
        s = check_path(path);
        if (s == STATUS_OK)
            s = os_absolute_path(path, &paths[i]);
        if (s == STATUS_OK)
            s = check_path(paths[i]);
    }
    if (s == STATUS_OK)
        s = relationship_set_disks(r, (const char *const *)paths, count);
    for (size_t i = 0; paths && i < count; i++)
        free(paths[i]);
    free(paths);
    return s;
}

static enum status make_record(const struct enable *enable, struct relationship **out)
{
    struct relationship *r = relationship_new();
    if (!r)
        return status_no_memory("a relationship");
    r->id = enable->vm_id;
    r->mode = enable->as_replica ? MODE_REPLICA : MODE_PRIMARY;
    r->state = REPLICATION_WAITING_FOR_START_RESYNCHRONIZE;
    r->reason = REASON_NOT_YET_COMPARED;
    r->replica_port = (uint16_t)enable->replica_port;
    enum status s = relationship_set_text(&r->name, enable->name);
    if (s == STATUS_OK)
        s = relationship_set_text(&r->replica_server, enable->replica_server);
    if (s == STATUS_OK)
        s = relationship_set_text(&r->allowed_primary, enable->allowed_primary);
    if (s == STATUS_OK && request_has_schedule(enable->request))
        s = request_read_schedule(enable->request, r, NULL);
    if (s == STATUS_OK)
        s = take_paths(enable->disks, r);
    if (s != STATUS_OK) {
        relationship_free(r);
        return s;
    }
    *out = r;
    return STATUS_OK;
}

// ---- the look at the disks ----

struct look {
    const struct file_system *fs;
    struct relationship *r; // its disks learn their file and size
    enum status status;
    struct status_details why;
};

static void look_free(void *context)
{
    struct look *look = context;
    relationship_free(look->r);
    free(look);
}

static enum status look_at(const struct file_system *fs, struct relationship_disk *disk)
{
    const struct vhd_open how = {.fs = fs, .share = FILE_SHARE_ANYTHING, .no_parents = true};
    struct vhd *vhd;
    struct vhd_info info;
    enum status s = vhd_open(disk->path, &how, &vhd);
    if (s != STATUS_OK)
        return s;
    vhd_get_info(vhd, &info);
    disk->file = info.file_id;
    disk->file_known = true;
    disk->total = info.virtual_size;
    vhd_abandon(vhd); // a look writes nothing
    return s;
}

static void look_run(void *context)
{
    struct look *look = context;
    struct relationship *r = look->r;
    look->status = STATUS_OK;
    for (size_t i = 0; i < r->disk_count && look->status == STATUS_OK; i++)
        look->status = look_at(look->fs, &r->disks[i]);
    look->why = *status_last();
}

// Takes over `r`; on success it is given back with its disks looked at.
static enum status look_at_disks(struct supervisor *supervisor, struct relationship *r,
                                 struct relationship **out)
{
    bool finished = true;
    struct look *look = calloc(1, sizeof *look);
    if (!look) {
        relationship_free(r);
        return status_no_memory("a look at disks");
    }
    *look = (struct look){.fs = supervisor->context.fs, .r = r};
    enum status s = workers_call(supervisor->workers, "a look at new disks", r->name, look_run,
                                 look_free, look, LOOK_MS, &finished);
    if (s == STATUS_OK && !finished) {
        status_fail(STATUS_TIMEOUT, 0, "The disks have not answered within %d ms.", LOOK_MS);
        return status_advise(0, "Check the storage that holds them, then try again.");
    }
    if (s == STATUS_OK)
        s = look->status == STATUS_OK ? STATUS_OK : status_restore(&look->why);
    if (s == STATUS_OK) {
        *out = look->r;
        look->r = NULL;
    }
    look_free(look);
    return s;
}

// ---- one disk, one relationship ----

static bool same_file(const struct relationship_disk *a, const struct relationship_disk *b)
{
    if (strcmp(a->path, b->path) == 0)
        return true;
    return a->file_known && b->file_known && a->file.volume == b->file.volume &&
           memcmp(a->file.file, b->file.file, sizeof a->file.file) == 0;
}

static enum status check_within(const struct relationship *r)
{
    for (size_t i = 0; i < r->disk_count; i++)
        for (size_t j = 0; j < i; j++)
            if (same_file(&r->disks[i], &r->disks[j]))
                return status_fail(STATUS_INVALID_ARGUMENT, 0,
                                   "Disk %zu, \"%s\", and disk %zu, \"%s\", are one file.", j + 1,
                                   r->disks[j].path, i + 1, r->disks[i].path);
    return STATUS_OK;
}

static enum status check_against(const struct relationship *r, const struct relationship *other)
{
    for (size_t i = 0; i < r->disk_count; i++)
        for (size_t j = 0; j < other->disk_count; j++)
            if (same_file(&r->disks[i], &other->disks[j])) {
                status_fail(STATUS_EXISTS, 0,
                            "The disk \"%s\" belongs to the relationship of virtual machine '%s' "
                            "already (\"%s\").",
                            r->disks[i].path, other->name, other->disks[j].path);
                return status_advise(
                    0,
                    "One disk belongs to one relationship. Remove that one first: vrepctl remove "
                    "\"%s\"",
                    other->name);
            }
    return STATUS_OK;
}

static enum status check_across(struct registry *registry, const struct relationship *r)
{
    registry_key *keys;
    size_t count;
    enum status s = registry_list(registry, &keys, &count);
    if (s != STATUS_OK)
        return s;
    for (size_t i = 0; i < count && s == STATUS_OK; i++) {
        struct relationship *other;
        if (registry_get(registry, keys[i], &other) != STATUS_OK)
            continue; // removed meanwhile
        s = check_against(r, other);
        relationship_free(other);
    }
    free(keys);
    return s;
}

// One at a time, so that two requests cannot both find a disk free. Takes over `r`.
static enum status add(struct supervisor *supervisor, struct relationship *r, registry_key *key)
{
    struct registry *registry = supervisor->context.registry;
    pthread_mutex_lock(&supervisor->change_lock);
    enum status s = check_within(r);
    if (s == STATUS_OK)
        s = check_across(registry, r);
    if (s == STATUS_OK)
        s = registry_add(registry, r, key);
    pthread_mutex_unlock(&supervisor->change_lock);
    if (s != STATUS_OK)
        relationship_free(r);
    return s;
}

static void raise_enabled(struct supervisor *supervisor, registry_key key,
                          const struct control_caller *caller)
{
    struct relationship *r;
    if (registry_get(supervisor->context.registry, key, &r) != STATUS_OK)
        return;
    const char *peer = r->mode == MODE_PRIMARY ? r->replica_server : r->allowed_primary;
    EventWriteReplicationEnabled(supervisor->context.events, r->name, r->id.bytes,
                                 replication_mode_text(r->mode), peer ? peer : "any primary",
                                 (uint32_t)r->disk_count, caller->account, caller->client);
    relationship_free(r);
}

enum status request_enable(struct supervisor *supervisor, const struct control_caller *caller,
                           const json_t *request, json_t **result)
{
    struct enable enable = {0};
    struct relationship *r = NULL, *looked = NULL;
    struct resync_schedule schedule;
    registry_key key;
    enum status s = read_request(request, &enable);
    if (s == STATUS_OK)
        s = make_record(&enable, &r);
    if (s == STATUS_OK)
        s = look_at_disks(supervisor, r, &looked);
    if (s != STATUS_OK)
        return s;
    schedule = looked->schedule;
    s = add(supervisor, looked, &key);
    if (s != STATUS_OK)
        return s;
    raise_enabled(supervisor, key, caller);
    agenda_look_soon(supervisor->agenda);
    s = request_view_now(supervisor, key, result);
    return s == STATUS_OK ? request_warn_of_schedule(request, &schedule, result) : s;
}
