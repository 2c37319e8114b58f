// Whose disk it is: the split-brain guard, and what a guest sees as the identity of a disk.
#include <stdio.h>

#include "base/clock.h"
#include "service/replicate/replica_session.h"
#include "service/vm_events.h"

// 1601-01-01 to 1970-01-01 in milliseconds.
#define FILE_TIME_EPOCH_MS 11644473600000

static char *format_file_time(uint64_t time, char text[CLOCK_TEXT_SIZE])
{
    return clock_format_utc((int64_t)(time / 10000) - FILE_TIME_EPOCH_MS, text);
}

// ---- the guard ----

// Reserving room changes a file's time of last write, which is part of a VHD's identity, and a
// crash may come before the new one is saved. A VHDX is told by what its headers say.
static bool is_unchanged(const struct relationship_disk *d, const struct vhd_identity *now)
{
    struct vhd_identity saved = d->identity;
    if (d->reserved && saved.format == VHD_FORMAT_VHD)
        saved.write_time = now->write_time;
    return vhd_identity_unchanged(&saved, now);
}

enum status replica_check_guard(const struct relationship *r, size_t disk,
                                const struct vhd_info *now, const struct peer_disk *primary)
{
    const struct relationship_disk *d = &r->disks[disk];
    if (!d->identity_saved || is_unchanged(d, &now->identity))
        return STATUS_OK;
    char ours[CLOCK_TEXT_SIZE], theirs[CLOCK_TEXT_SIZE];
    (void)status_fail(STATUS_REPLICA_CHANGED, 0,
                      "Somebody else has written the replica's disk '%s' of '%s' since the last "
                      "resynchronization: it was "
                      "last written at %s, the primary's disk '%s' at %s.",
                      d->path, r->name, format_file_time(now->write_time, ours), primary->name,
                      format_file_time(primary->write_time, theirs));
    return status_advise(
        ReplicaChanged_value,
        "Find out which side is right. To give up what was written to the replica: vrepctl resume "
        "\"%s\" --resynchronize --overwrite-replica",
        r->name);
}

enum status replica_identity_after_reserving(const struct service_context *service,
                                             const struct relationship_disk *d,
                                             struct vhd_identity *identity)
{
    const struct vhd_open how = {
        .fs = service->fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = REPLICA_OPEN_WAIT_MS};
    struct vhd *base = NULL;
    *identity = d->identity;
    if (!d->reserved || !d->identity_saved || d->identity.format != VHD_FORMAT_VHD)
        return STATUS_OK;
    enum status st = vhd_open(d->path, &how, &base);
    if (st != STATUS_OK)
        return st;
    struct vhd_info info;
    vhd_get_info(base, &info);
    if (is_unchanged(d, &info.identity))
        *identity = info.identity;
    vhd_abandon(base);
    return STATUS_OK;
}

// ---- what a guest sees ----

enum status replica_adopt_into_child(const struct replica_session *s, size_t disk)
{
    const struct peer_disk *primary = &s->agreed.disks.disk[disk];
    struct peer_disk ours;
    struct vhd_info info;
    vhd_get_info(s->bases[disk], &info);
    peer_disk_describe(&info, &ours);
    if (!s->agreed.adopt_identity || info.format != VHD_FORMAT_VHDX ||
        !peer_disk_identity_differs(primary, &ours))
        return STATUS_OK;
    const struct guid *id = &primary->virtual_disk_id;
    const struct vhd_set_identity how = {.fs = s->service->fs,
                                         .virtual_disk_id = guid_is_zero(id) ? NULL : id,
                                         .physical_sector_size = primary->physical_sector};
    return vhd_set_identity(s->child_paths[disk], &how);
}

struct guid replica_id_to_adopt(const struct replica_session *s, size_t disk,
                                const struct vhd_info *base)
{
    const struct peer_disk *primary = &s->agreed.disks.disk[disk];
    if (s->agreed.adopt_identity && base->format == VHD_FORMAT_VHD &&
        !guid_equal(&primary->virtual_disk_id, &base->virtual_disk_id))
        return primary->virtual_disk_id;
    return (struct guid){{0}};
}

struct adopted_change {
    size_t disk;
    struct vhd_identity identity;
};

static enum status change_adopted(struct relationship *r, void *argument)
{
    const struct adopted_change *change = argument;
    struct relationship_disk *d = &r->disks[change->disk];
    d->identity = change->identity;
    d->identity_saved = true;
    d->adopt_id = (struct guid){{0}};
    return STATUS_OK;
}

enum status replica_adopt_into_base(const struct service_context *service, registry_key key,
                                    size_t disk)
{
    const struct vhd_open open = {
        .fs = service->fs, .share = FILE_SHARE_DENY_WRITE, .wait_ms = REPLICA_OPEN_WAIT_MS};
    struct relationship *r = NULL;
    struct vhd *base = NULL;
    enum status st = registry_get(service->registry, key, &r);
    if (st != STATUS_OK)
        return st;
    const struct relationship_disk *d = &r->disks[disk];
    if (guid_is_zero(&d->adopt_id))
        goto out;
    const struct vhd_set_identity how = {.fs = service->fs, .virtual_disk_id = &d->adopt_id};
    st = vhd_set_identity(d->path, &how);
    if (st == STATUS_OK)
        EventWriteDiskIdentityAdopted(service->events, r->name, r->id.bytes, r->resync_id.bytes,
                                      d->path, d->adopt_id.bytes);
    // Somebody has made a child over it since: the id stays, and the next run warns of it again.
    if (st == STATUS_OK || st == STATUS_REFUSED)
        st = vhd_open(d->path, &open, &base);
    if (st != STATUS_OK)
        goto out;
    struct vhd_info info;
    vhd_get_info(base, &info);
    struct adopted_change change = {.disk = disk, .identity = info.identity};
    st = registry_update(service->registry, key, change_adopted, &change);
    vhd_abandon(base);
out:
    relationship_free(r);
    return st;
}

enum status replica_warn_of_identity(const struct request *request, size_t disk,
                                     const struct peer_disk *ours, json_t *warnings)
{
    const struct peer_disk *primary = &request->disks.disk[disk];
    char text[STATUS_MESSAGE_MAX], theirs[GUID_TEXT_SIZE], mine[GUID_TEXT_SIZE];
    if (request->adopt_identity || !peer_disk_identity_differs(primary, ours))
        return STATUS_OK;
    snprintf(text, sizeof text,
             "A guest sees '%.300s' and its replica '%.300s' as different disks: Virtual Disk ID "
             "%s and %s, physical sectors of %u and %u bytes.",
             primary->name, ours->name, guid_format(&primary->virtual_disk_id, theirs),
             guid_format(&ours->virtual_disk_id, mine), (unsigned)primary->physical_sector,
             (unsigned)ours->physical_sector);
    return json_array_append_new(warnings, json_string(text)) == 0 ? STATUS_OK
                                                                   : status_no_memory("a warning");
}
