// What a replica checks before anything begins: who asks, which disks pair, whether they may be
// overwritten.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/os.h"
#include "base/checked.h"
#include "base/utf.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

#define CLEAN_UP_WAIT_MS 20000
#define CLEAN_UP_POLL_MS 200

#define FREE_SPACE_FLOOR (16ull << 20) // with less than this nothing is begun

// ---- who asks ----

static bool names_machine(const struct request *request)
{
    return request->verb == REQUEST_AGREE || request->verb == REQUEST_COMPARE;
}

static enum status not_enabled(const struct replica_session *s, const struct request *request)
{
    char id[GUID_TEXT_SIZE];
    if (names_machine(request))
        (void)status_fail(STATUS_NOT_FOUND, 0,
                          "The host %s has no replica of the virtual machine '%s'.",
                          s->service->host_name, request->vm_name);
    else
        (void)status_fail(STATUS_NOT_FOUND, 0,
                          "The host %s has no replica of the virtual machine with the ID %s.",
                          s->service->host_name, guid_format(&request->relationship_id, id));
    char disks[STATUS_ACTION_MAX / 2] = "";
    for (size_t i = 0; i < request->disks.count && strlen(disks) + 16 < sizeof disks; i++)
        strcat(disks, " --disk PATH");
    return status_advise(RelationshipNotFound_value,
                         "Run on %s: vrepctl enable \"%s\" --as-replica%s", s->service->host_name,
                         request->vm_name[0] ? request->vm_name : "NAME",
                         disks[0] ? disks : " --disk PATH");
}

static enum status check_primary(const struct replica_session *s, const struct relationship *r)
{
    if (!r->allowed_primary || strcasecmp(r->allowed_primary, s->theirs.host) == 0)
        return STATUS_OK;
    (void)status_fail(STATUS_ACCESS_DENIED, 0,
                      "The host %s does not accept %s as primary server of '%s'.",
                      s->service->host_name, s->theirs.host, r->name);
    (void)status_advise(
        0, "If that is meant to be, run on %s: vrepctl set \"%s\" --allowed-primary %s",
        s->service->host_name, r->name, s->theirs.host);
    EventWritePrimaryRefused(s->service->events, r->name, r->id.bytes, s->theirs.host,
                             "It is not the primary server that this relationship allows.",
                             status_last()->action);
    return STATUS_ACCESS_DENIED;
}

static enum status belongs_to_another(const struct replica_session *s, const struct relationship *r)
{
    char id[GUID_TEXT_SIZE];
    (void)status_fail(STATUS_REFUSED, 0,
                      "The replica '%s' on %s belongs to another relationship, of the VM ID %s.",
                      r->name, s->service->host_name, guid_format(&r->id, id));
    return status_advise(
        0, "If that one is gone, run on %s: vrepctl remove \"%s\", then enable it again.",
        s->service->host_name, r->name);
}

struct contact {
    const struct guid *id; // NULL: known already
    const char *primary;
    const struct peer_disks *disks;
};

static enum status change_text(char **text, const char *value)
{
    if (*text && strcmp(*text, value) == 0)
        return STATUS_OK;
    char *copy = strdup(value);
    if (!copy)
        return status_no_memory("a name");
    free(*text);
    *text = copy;
    return STATUS_OK;
}

static enum status change_contact(struct relationship *r, void *argument)
{
    const struct contact *contact = argument;
    if (contact->id && !guid_is_zero(&r->id) && !guid_equal(&r->id, contact->id))
        return status_fail(STATUS_REFUSED, 0, "'%s' was adopted by another primary meanwhile.",
                           r->name);
    if (contact->id)
        r->id = *contact->id;
    enum status st = change_text(&r->primary_server, contact->primary);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count && i < contact->disks->count; i++)
        st = change_text(&r->disks[i].peer_name, contact->disks->disk[i].name);
    return st;
}

static bool contact_is_known(const struct relationship *r, const struct contact *contact)
{
    if (contact->id || !r->primary_server || strcmp(r->primary_server, contact->primary) != 0)
        return false;
    for (size_t i = 0; i < r->disk_count && i < contact->disks->count; i++)
        if (!r->disks[i].peer_name ||
            strcmp(r->disks[i].peer_name, contact->disks->disk[i].name) != 0)
            return false;
    return true;
}

// Remembers who called, and the id when it is the first contact.
static enum status meet(struct replica_session *s, const struct request *request, registry_key key,
                        const struct relationship *r)
{
    bool first = guid_is_zero(&r->id);
    struct contact contact = {.id = first ? &request->relationship_id : NULL,
                              .primary = s->theirs.host,
                              .disks = &request->disks};
    if (contact_is_known(r, &contact))
        return STATUS_OK;
    enum status st = registry_update(s->service->registry, key, change_contact, &contact);
    if (st == STATUS_OK && first)
        EventWriteRelationshipAdopted(s->service->events, r->name, request->relationship_id.bytes,
                                      s->theirs.host);
    return st;
}

// The replica relationship named `name`; STATUS_NOT_FOUND without details: none.
static enum status find_named(const struct replica_session *s, const char *name, registry_key *key)
{
    registry_key *keys = NULL;
    size_t count = 0;
    enum status st = registry_list(s->service->registry, &keys, &count);
    if (st != STATUS_OK)
        return st;
    bool found = false;
    for (size_t i = 0; !found && i < count; i++) {
        struct relationship *r = NULL;
        if (registry_get(s->service->registry, keys[i], &r) != STATUS_OK)
            continue;
        found = r->mode == MODE_REPLICA && strcmp(r->name, name) == 0;
        if (found)
            *key = keys[i];
        relationship_free(r);
    }
    free(keys);
    return found ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status replica_find(struct replica_session *session, const struct request *request, bool adopt,
                         registry_key *key)
{
    registry_key found = 0;
    enum status st =
        registry_find_id(session->service->registry, &request->relationship_id, &found);
    if (st == STATUS_NOT_FOUND && names_machine(request))
        st = find_named(session, request->vm_name, &found);
    if (st == STATUS_NOT_FOUND)
        return not_enabled(session, request);
    struct relationship *r = NULL;
    if (st == STATUS_OK)
        st = registry_get(session->service->registry, found, &r);
    if (st != STATUS_OK)
        return st;
    if (r->mode != MODE_REPLICA)
        st = not_enabled(session, request);
    else
        st = check_primary(session, r);
    if (st == STATUS_OK && !guid_is_zero(&r->id) && !guid_equal(&r->id, &request->relationship_id))
        st = belongs_to_another(session, r);
    if (st == STATUS_OK && adopt)
        st = meet(session, request, found, r);
    relationship_free(r);
    if (st == STATUS_OK)
        *key = found;
    return st;
}

// ---- which disks ----

static enum status check_count(const struct replica_session *s, const struct relationship *r,
                               const struct peer_disks *primary)
{
    if (r->disk_count == primary->count)
        return STATUS_OK;
    (void)status_fail(STATUS_MISMATCH, 0,
                      "'%s' has %zu disks on the primary %s and %zu on the replica %s.", r->name,
                      primary->count, s->theirs.host, r->disk_count, s->service->host_name);
    return status_advise(
        DiskSizesDiffer_value,
        "Disks pair by their order: enable both sides with the same number of disks.");
}

static enum status check_pair(struct replica_session *s, const struct relationship *r, size_t i,
                              const struct peer_disk *primary, const struct vhd_info *info)
{
    const char *path = r->disks[i].path;
    if (memcmp(&primary->file_id, &info->file_id, sizeof info->file_id) == 0 &&
        strcasecmp(s->theirs.host, s->service->host_name) == 0) {
        (void)status_fail(
            STATUS_REFUSED, 0,
            "'%s' is the primary's disk itself: both sides of '%s' name the same file.", path,
            r->name);
        return status_advise(0, "Enable the replica with a file of its own.");
    }
    if (primary->size != info->virtual_size ||
        primary->logical_sector != info->logical_sector_size) {
        s->mismatch = (struct pair_mismatch){.present = true,
                                             .disk = i,
                                             .size = info->virtual_size,
                                             .logical_sector = info->logical_sector_size};
        struct peer_disk ours;
        peer_disk_describe(info, &ours);
        memcpy(s->mismatch.name, ours.name, sizeof ours.name);
        (void)status_fail(STATUS_MISMATCH, 0,
                          "The disks of '%s' differ in size: '%s' on the primary has %llu bytes in "
                          "sectors of %u, "
                          "'%s' on the replica %llu bytes in sectors of %u.",
                          r->name, primary->name, (unsigned long long)primary->size,
                          primary->logical_sector, path, (unsigned long long)info->virtual_size,
                          info->logical_sector_size);
        if (primary->logical_sector != info->logical_sector_size)
            return status_advise(DiskSizesDiffer_value,
                                 "Create the replica's disk anew: vrepdisk create \"%s\" --size "
                                 "%llu --logical-sector %u",
                                 path, (unsigned long long)primary->size, primary->logical_sector);
        return status_advise(DiskSizesDiffer_value,
                             "Resize the replica's disk: vrepdisk resize \"%s\" --size %llu. If it "
                             "was resynchronized "
                             "before, resume with --resynchronize --overwrite-replica afterwards.",
                             path, (unsigned long long)primary->size);
    }
    return STATUS_OK;
}

static enum status check_no_child(struct vhd_children **known, const char *path)
{
    char *child = NULL;
    enum status st = vhd_find_among_children(known, path, NULL, &child);
    if (st != STATUS_OK || !child)
        return st;
    (void)status_fail(STATUS_REFUSED, 0,
                      "The replica's disk '%s' is the parent of '%s', which would break.", path,
                      child);
    free(child);
    return status_advise(0, "Merge or delete that differencing disk first: vrepdisk merge.");
}

// ---- how much room ----

// Worst case for one disk: every block of the primary goes into the child, then into the base.
static uint64_t room_for(const struct peer_disk *primary, const struct peer_disk *ours)
{
    uint64_t data = min_u64(primary->allocated, primary->size);
    return data + (data > ours->allocated ? data - ours->allocated : 0);
}

// What the disks on the volume of disk `first` need. False: an earlier disk lies there, too.
static bool room_on_volume(const struct peer_disks *primary, const struct peer_disks *ours,
                           size_t first, uint64_t *needed)
{
    uint64_t volume = ours->disk[first].file_id.volume, sum = 0;
    for (size_t i = 0; i < ours->count; i++) {
        if (ours->disk[i].file_id.volume != volume)
            continue;
        if (i < first)
            return false;
        sum += room_for(&primary->disk[i], &ours->disk[i]);
    }
    *needed = sum;
    return true;
}

static void name_volume(const char *path, char *out, size_t size)
{
    char *name = NULL;
    if (os_volume_name(path, &name) == STATUS_OK)
        snprintf(out, size, "%s", name);
    else
        snprintf(out, size, "the volume of %s", os_path_base_name(path));
    free(name);
    utf8_make_valid(out); // it may have been cut
}

static enum status warn_of_room(const struct replica_session *s, const struct relationship *r,
                                const struct request *request, size_t disk,
                                const struct peer_volume *volume, json_t *warnings)
{
    char text[STATUS_MESSAGE_MAX];
    if (!request->probe)
        EventWriteRoomMayNotSuffice(s->service->events, r->name, r->id.bytes,
                                    request->resync_id.bytes, r->disks[disk].path, volume->needed,
                                    volume->free_space);
    snprintf(text, sizeof text,
             "If every block of '%.255s' differs, %llu bytes are needed on the volume of '%.400s', "
             "which has %llu free.",
             r->name, (unsigned long long)volume->needed, os_path_base_name(r->disks[disk].path),
             (unsigned long long)volume->free_space);
    return json_array_append_new(warnings, json_string(text)) == 0 ? STATUS_OK
                                                                   : status_no_memory("a warning");
}

static enum status check_volume(const struct replica_session *s, const struct relationship *r,
                                const struct request *request, size_t disk, uint64_t needed,
                                struct agreement *out)
{
    const char *path = r->disks[disk].path;
    struct peer_volume *volume = &out->volume[out->volume_count];
    enum status st = s->service->fs->free_space(s->service->fs, path, &volume->free_space);
    if (st != STATUS_OK)
        return st;
    name_volume(path, volume->name, sizeof volume->name);
    volume->needed = needed;
    out->volume_count++;
    out->free_space = min_u64(out->free_space, volume->free_space);
    if (volume->free_space < FREE_SPACE_FLOOR) {
        (void)status_fail(STATUS_NO_SPACE, 0,
                          "The volume of the replica's disk '%s' has %llu bytes free; below "
                          "%llu nothing is begun.",
                          path, (unsigned long long)volume->free_space,
                          (unsigned long long)FREE_SPACE_FLOOR);
        return status_advise(SuspendedForSpace_value, "Make room on %s.", s->service->host_name);
    }
    return volume->free_space < needed ? warn_of_room(s, r, request, disk, volume, out->warnings)
                                       : STATUS_OK;
}

static enum status check_room(const struct replica_session *s, const struct relationship *r,
                              const struct request *request, struct agreement *out)
{
    enum status st = STATUS_OK;
    out->free_space = UINT64_MAX;
    out->volume = calloc(r->disk_count, sizeof *out->volume);
    if (!out->volume)
        return status_no_memory("the description of volumes");
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++) {
        uint64_t needed = 0;
        if (room_on_volume(&request->disks, &out->disks, i, &needed))
            st = check_volume(s, r, request, i, needed, out);
    }
    out->free_space = min_u64(out->free_space, INT64_MAX);
    return st;
}

// ---- agree ----

enum status replica_hold_bases(const struct service_context *service, struct replica_claim *claim,
                               const struct relationship *r, struct vhd ***bases)
{
    struct vhd **held = NULL;
    enum status st = replica_claim_bases(claim, r->disk_count, &held);
    struct vhd_open how = {.fs = service->fs,
                           .share = FILE_SHARE_DENY_WRITE,
                           .low_io_priority = true,
                           .wait_ms = REPLICA_OPEN_WAIT_MS};
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++)
        if (!held[i])
            st = vhd_open(r->disks[i].path, &how, &held[i]);
    if (st == STATUS_OK)
        *bases = held;
    return st;
}

// A merge needs leave to write the disk only after everything else: it is looked for first.
static enum status check_may_be_written(const struct replica_session *s,
                                        const struct relationship *r)
{
    const struct file_open how = {.writable = true, .share = FILE_SHARE_ANYTHING};
    for (size_t i = 0; i < r->disk_count; i++) {
        struct file *file = NULL;
        enum status st = s->service->fs->open(s->service->fs, r->disks[i].path, &how, &file);
        if (st == STATUS_OK)
            file_close(file);
        else if (st == STATUS_ACCESS_DENIED)
            return status_advise(0, "The service on %s must be allowed to write that file.",
                                 s->service->host_name);
        else if (st != STATUS_IN_USE) // whoever has it open may be gone by then
            return st;
    }
    return STATUS_OK;
}

static enum status describe_held(struct replica_session *s, const struct relationship *r,
                                 struct vhd_info *infos)
{
    struct vhd **bases = NULL;
    enum status st = replica_hold_bases(s->service, s->claim, r, &bases);
    for (size_t i = 0; st == STATUS_OK && i < r->disk_count; i++)
        vhd_get_info(bases[i], &infos[i]);
    return st;
}

static enum status describe_looking(struct replica_session *s, const struct relationship *r,
                                    size_t i, struct vhd **disk, struct vhd_info *info)
{
    struct vhd_open how = {.fs = s->service->fs, .share = FILE_SHARE_ANYTHING};
    enum status st = vhd_open(r->disks[i].path, &how, disk);
    if (st == STATUS_OK)
        vhd_get_info(*disk, info);
    return st;
}

// A resynchronization that goes on is guarded when it begins: what it finds is its business then.
static enum status check_may_be_overwritten(const struct relationship *r,
                                            const struct request *request, size_t i,
                                            const struct vhd_info *info,
                                            struct vhd_children **children)
{
    bool ours = r->phase == PHASE_COMPARING && guid_equal(&r->resync_id, &request->resync_id);
    enum status st = STATUS_OK;
    if (!ours && !request->overwrite_replica)
        st = replica_check_guard(r, i, info, &request->disks.disk[i]);
    if (st == STATUS_OK && r->phase == PHASE_NONE)
        st = check_no_child(children, r->disks[i].path);
    return st;
}

static enum status check_disks(struct replica_session *s, const struct relationship *r,
                               const struct request *request, struct vhd_info *infos,
                               struct agreement *out)
{
    bool only_reads = request->verb == REQUEST_COMPARE;
    struct vhd_children *children = NULL;
    enum status st = STATUS_OK;
    for (size_t i = 0; i < r->disk_count && st == STATUS_OK; i++) {
        struct vhd *looked = NULL;
        const struct peer_disk *primary = &request->disks.disk[i];
        st = request->probe ? describe_looking(s, r, i, &looked, &infos[i]) : STATUS_OK;
        if (st == STATUS_OK)
            st = check_pair(s, r, i, primary, &infos[i]);
        if (st == STATUS_OK && !only_reads)
            st = check_may_be_overwritten(r, request, i, &infos[i], &children);
        if (st == STATUS_OK) {
            peer_disk_describe(&infos[i], &out->disks.disk[i]);
            st = replica_warn_of_identity(request, i, &out->disks.disk[i], out->warnings);
        }
        if (looked)
            vhd_abandon(looked);
    }
    vhd_children_free(children);
    return st;
}

static enum status agree_on(struct replica_session *s, const struct relationship *r,
                            const struct request *request, struct agreement *out)
{
    struct vhd_info *infos = calloc(r->disk_count, sizeof *infos);
    out->disks.disk = calloc(r->disk_count, sizeof *out->disks.disk);
    out->warnings = json_array();
    if (!infos || !out->disks.disk || !out->warnings) {
        free(infos);
        return status_no_memory("the description of disks");
    }
    out->disks.count = r->disk_count;
    bool only_reads = request->verb == REQUEST_COMPARE;
    enum status st = only_reads ? STATUS_OK : check_may_be_written(s, r);
    if (st == STATUS_OK && !request->probe)
        st = describe_held(s, r, infos);
    if (st == STATUS_OK)
        st = check_disks(s, r, request, infos, out);
    if (st == STATUS_OK && !only_reads)
        st = check_room(s, r, request, out);
    free(infos);
    if (st == STATUS_REPLICA_CHANGED && !request->probe) {
        struct status_details why = *status_last();
        EventWriteReplicaChanged(s->service->events, r->name, r->id.bytes, why.message);
        (void)status_restore(&why);
    }
    return st;
}

// The primary hears of a merge's end before its children are deleted, and may be back before they
// are.
static enum status get_after_clean_up(struct replica_session *session, struct relationship **out)
{
    int64_t deadline = clock_mono_ms() + CLEAN_UP_WAIT_MS;
    uint64_t seen = replica_table_await(session->service->replicas, UINT64_MAX, 0);
    for (;;) {
        enum status st = registry_get(session->service->registry, session->key, out);
        if (st != STATUS_OK || (*out)->phase != PHASE_MERGED || clock_mono_ms() >= deadline)
            return st;
        relationship_free(*out);
        seen = replica_table_await(session->service->replicas, seen, CLEAN_UP_POLL_MS);
    }
}

enum status replica_agree(struct replica_session *session, struct request *request,
                          struct agreement *out)
{
    registry_key key = 0;
    struct relationship *r = NULL;
    struct agreement agreement = {.free_space = 0};
    bool adopt = request->verb == REQUEST_AGREE && !request->probe;
    enum status st = replica_find(session, request, adopt, &key);
    if (st == STATUS_OK && !request->probe && !session->claim)
        st = replica_claim_take(session->service->replicas, key, session->job,
                                REPLICA_CLAIM_WAIT_MS, &session->claim);
    if (st == STATUS_OK) {
        session->key = key;
        st = get_after_clean_up(session, &r);
    }
    if (st != STATUS_OK)
        return st;
    if (r->phase == PHASE_MERGING || r->phase == PHASE_MERGED)
        st = status_fail(STATUS_IN_USE, 0,
                         "The replica %s still merges an earlier resynchronization of '%s'.",
                         session->service->host_name, r->name);
    if (st == STATUS_OK)
        st = check_count(session, r, &request->disks);
    if (st == STATUS_OK)
        st = agree_on(session, r, request, &agreement);
    relationship_free(r);
    if (st != STATUS_OK) {
        struct status_details why = *status_last();
        agreement_free(&agreement);
        return status_restore(&why);
    }
    if (!request->probe) {
        request_free(&session->agreed);
        session->agreed = *request;
        request->disks = (struct peer_disks){.count = 0};
    }
    *out = agreement;
    return STATUS_OK;
}
