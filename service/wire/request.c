#include "service/wire/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/os.h"
#include "base/utf.h"

static const char *const verb_names[] = {"agree",   "begin",  "commit", "cancel",
                                         "outcome", "follow", "compare"};
static const char *const outcome_names[] = {"unknown", "comparing", "merging",
                                            "merged",  "cancelled", "elsewhere"};

// Index of `name`; false: none has it.
static bool find_name(const char *const *names, size_t count, const char *name, size_t *index)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0) {
            *index = i;
            return true;
        }
    return false;
}

static enum status wrong(const char *what)
{
    return status_fail(STATUS_PROTOCOL, 0, "The peer sent a message whose %s.", what);
}

// A text for people: within `size` bytes, without control characters.
static enum status copy_text(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text;
    enum status st = js_get_string(object, name, &text);
    if (st != STATUS_OK)
        return st;
    if (strlen(text) >= size)
        return wrong("text is too long");
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return wrong("text has control characters");
    memcpy(out, text, strlen(text) + 1);
    return STATUS_OK;
}

// Numbers of 64 bits whose top bit may be set travel as hexadecimal text.
static json_t *hex_text(uint64_t number)
{
    char text[17];
    snprintf(text, sizeof text, "%llx", (unsigned long long)number);
    return json_string(text);
}

static enum status get_hex(const json_t *object, const char *name, uint64_t *out)
{
    const char *text;
    enum status st = js_get_string(object, name, &text);
    if (st != STATUS_OK)
        return st;
    size_t length = strlen(text);
    if (length == 0 || length > 16 || strspn(text, "0123456789abcdef") != length)
        return wrong("hexadecimal number is none");
    *out = strtoull(text, NULL, 16);
    return STATUS_OK;
}

static json_t *identity_encode(const struct vhd_identity *identity)
{
    char guid[GUID_TEXT_SIZE];
    return json_pack("{s:i, s:I, s:s, s:o, s:I, s:o}", "format", (int)identity->format,
                     "virtualSize", (json_int_t)identity->virtual_size, "guid",
                     guid_format(&identity->guid, guid), "sequenceNumber",
                     hex_text(identity->sequence_number), "fileSize",
                     (json_int_t)identity->file_size, "writeTime", hex_text(identity->write_time));
}

static enum status get_format(const json_t *object, const char *name, enum vhd_format *out)
{
    uint64_t format;
    enum status st = js_get_u64(object, name, &format);
    if (st != STATUS_OK)
        return st;
    if (format != VHD_FORMAT_VHD && format != VHD_FORMAT_VHDX)
        return wrong("disk format is unknown");
    *out = (enum vhd_format)format;
    return STATUS_OK;
}

static enum status identity_decode(const json_t *object, struct vhd_identity *out)
{
    enum status st;
    if ((st = get_format(object, "format", &out->format)) != STATUS_OK ||
        (st = js_get_u64(object, "virtualSize", &out->virtual_size)) != STATUS_OK ||
        (st = js_get_guid(object, "guid", &out->guid)) != STATUS_OK ||
        (st = get_hex(object, "sequenceNumber", &out->sequence_number)) != STATUS_OK ||
        (st = js_get_u64(object, "fileSize", &out->file_size)) != STATUS_OK ||
        (st = get_hex(object, "writeTime", &out->write_time)) != STATUS_OK)
        return st;
    return STATUS_OK;
}

// "<volume>:<file>", hexadecimal.
static json_t *file_id_encode(const struct file_id *id)
{
    char text[17 + 2 * sizeof id->file + 1];
    int used = snprintf(text, sizeof text, "%llx:", (unsigned long long)id->volume);
    for (size_t i = 0; i < sizeof id->file; i++)
        used += snprintf(text + used, sizeof text - (size_t)used, "%02x", id->file[i]);
    return json_string(text);
}

static enum status file_id_decode(const json_t *object, const char *name, struct file_id *out)
{
    const char *text;
    enum status st = js_get_string(object, name, &text);
    if (st != STATUS_OK)
        return st;
    size_t volume = strspn(text, "0123456789abcdef");
    const char *file = text + volume + 1;
    if (volume == 0 || volume > 16 || text[volume] != ':' || strlen(file) != 2 * sizeof out->file ||
        strspn(file, "0123456789abcdef") != 2 * sizeof out->file)
        return wrong("file id is malformed");
    out->volume = strtoull(text, NULL, 16);
    for (size_t i = 0; i < sizeof out->file; i++) {
        char pair[3] = {file[2 * i], file[2 * i + 1], '\0'};
        out->file[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return STATUS_OK;
}

void peer_disk_describe(const struct vhd_info *info, struct peer_disk *out)
{
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "%s", os_path_base_name(info->path));
    utf8_make_valid(out->name);
    out->size = info->virtual_size;
    out->logical_sector = info->logical_sector_size;
    out->physical_sector = info->physical_sector_size;
    out->virtual_disk_id = info->virtual_disk_id;
    out->format = info->format;
    out->type = info->type;
    out->allocated = info->allocated;
    out->write_time = info->write_time;
    out->file_id = info->file_id;
    out->identity = info->identity;
}

bool peer_disk_identity_differs(const struct peer_disk *a, const struct peer_disk *b)
{
    bool told = !guid_is_zero(&a->virtual_disk_id) && !guid_is_zero(&b->virtual_disk_id);
    return (told && !guid_equal(&a->virtual_disk_id, &b->virtual_disk_id)) ||
           a->physical_sector != b->physical_sector;
}

static json_t *disk_encode(const struct peer_disk *disk)
{
    char id[GUID_TEXT_SIZE];
    return json_pack("{s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:I, s:o, s:o, s:o}", "name", disk->name,
                     "virtualDiskId", guid_format(&disk->virtual_disk_id, id), "size",
                     (json_int_t)disk->size, "logicalSector", (int)disk->logical_sector,
                     "physicalSector", (int)disk->physical_sector, "format", (int)disk->format,
                     "type", (int)disk->type, "allocated", (json_int_t)disk->allocated, "writeTime",
                     hex_text(disk->write_time), "fileId", file_id_encode(&disk->file_id),
                     "identity", identity_encode(&disk->identity));
}

static enum status disk_decode(const json_t *object, struct peer_disk *out)
{
    uint64_t logical, physical, type;
    enum status st;
    if ((st = copy_text(object, "name", out->name, sizeof out->name)) != STATUS_OK ||
        (st = js_get_u64(object, "size", &out->size)) != STATUS_OK ||
        (st = js_get_u64(object, "logicalSector", &logical)) != STATUS_OK ||
        (st = js_get_u64(object, "physicalSector", &physical)) != STATUS_OK ||
        (st = get_format(object, "format", &out->format)) != STATUS_OK ||
        (json_object_get(object, "virtualDiskId") &&
         (st = js_get_guid(object, "virtualDiskId", &out->virtual_disk_id)) != STATUS_OK) ||
        (st = js_get_u64(object, "type", &type)) != STATUS_OK ||
        (st = js_get_u64(object, "allocated", &out->allocated)) != STATUS_OK ||
        (st = get_hex(object, "writeTime", &out->write_time)) != STATUS_OK ||
        (st = file_id_decode(object, "fileId", &out->file_id)) != STATUS_OK ||
        (st = identity_decode(json_object_get(object, "identity"), &out->identity)) != STATUS_OK)
        return st;
    if (out->size == 0 || out->size > VHDX_SIZE_MAX || out->size % 512 != 0)
        return wrong("disk size is not the size of a disk");
    if ((logical != 512 && logical != 4096) || physical > 4096)
        return wrong("sector size is not that of a disk");
    if (type < VHD_TYPE_FIXED || type > VHD_TYPE_DIFFERENCING)
        return wrong("disk type is unknown");
    out->logical_sector = (uint32_t)logical;
    out->physical_sector = (uint32_t)physical;
    out->type = (enum vhd_type)type;
    return STATUS_OK;
}

void peer_disks_free(struct peer_disks *disks)
{
    free(disks->disk);
    *disks = (struct peer_disks){.count = 0};
}

static json_t *disks_encode(const struct peer_disks *disks)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < disks->count; i++)
        if (json_array_append_new(array, disk_encode(&disks->disk[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static enum status disks_decode(const json_t *object, struct peer_disks *out)
{
    json_t *array;
    enum status st = js_get_array(object, "disks", &array);
    if (st != STATUS_OK)
        return st;
    size_t count = json_array_size(array);
    if (count == 0 || count > RELATIONSHIP_DISKS_MAX)
        return wrong("number of disks is not possible");
    struct peer_disks disks = {.count = count, .disk = calloc(count, sizeof *disks.disk)};
    if (!disks.disk)
        return status_no_memory("the peer's disks");
    for (size_t i = 0; st == STATUS_OK && i < count; i++)
        st = disk_decode(json_array_get(array, i), &disks.disk[i]);
    if (st == STATUS_OK)
        *out = disks;
    else
        peer_disks_free(&disks);
    return st;
}

static bool has_disks(enum request_verb verb)
{
    return verb == REQUEST_AGREE || verb == REQUEST_COMPARE;
}

void request_free(struct request *request)
{
    peer_disks_free(&request->disks);
}

json_t *request_encode(const struct request *request)
{
    char relationship[GUID_TEXT_SIZE], resync[GUID_TEXT_SIZE];
    json_t *object =
        json_pack("{s:s, s:s, s:s}", "verb", verb_names[request->verb], "relationshipId",
                  guid_format(&request->relationship_id, relationship), "resyncId",
                  guid_format(&request->resync_id, resync));
    if (object && has_disks(request->verb) &&
        (js_put_string(object, "vmName", request->vm_name) != STATUS_OK ||
         js_put_bool(object, "probe", request->probe) != STATUS_OK ||
         js_put_bool(object, "overwriteReplica", request->overwrite_replica) != STATUS_OK ||
         js_put_bool(object, "adoptIdentity", request->adopt_identity) != STATUS_OK ||
         js_put_new(object, "disks", disks_encode(&request->disks)) != STATUS_OK)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

// A message of the wrong form is the peer's breach of the protocol, whatever the JSON helpers call
// it.
static enum status as_protocol(enum status st, const char *what)
{
    if (st == STATUS_OK || st == STATUS_OUT_OF_MEMORY)
        return st;
    struct status_details why = *status_last();
    return status_fail(STATUS_PROTOCOL, 0, "The peer sent a %s that cannot be used: %s", what,
                       why.message);
}

static enum status decode_agree(const json_t *object, struct request *request)
{
    enum status st;
    if ((st = copy_text(object, "vmName", request->vm_name, sizeof request->vm_name)) !=
            STATUS_OK ||
        (st = js_opt_bool(object, "probe", false, &request->probe)) != STATUS_OK ||
        (st = js_opt_bool(object, "overwriteReplica", false, &request->overwrite_replica)) !=
            STATUS_OK ||
        (st = js_opt_bool(object, "adoptIdentity", false, &request->adopt_identity)) != STATUS_OK)
        return st;
    return disks_decode(object, &request->disks);
}

enum status request_decode(const uint8_t *data, size_t size, struct request *out)
{
    struct request request = {.verb = REQUEST_AGREE};
    json_t *object = NULL;
    const char *name = "";
    size_t verb = 0;
    enum status st;
    if ((st = js_parse((const char *)data, size, &object)) != STATUS_OK ||
        (st = js_get_string(object, "verb", &name)) != STATUS_OK ||
        (st = js_get_guid(object, "relationshipId", &request.relationship_id)) != STATUS_OK ||
        (st = js_get_guid(object, "resyncId", &request.resync_id)) != STATUS_OK)
        goto out;
    if (!find_name(verb_names, sizeof verb_names / sizeof *verb_names, name, &verb))
        st = status_fail(STATUS_PROTOCOL, 0, "its verb '%.32s' is unknown.", name);
    else if (guid_is_zero(&request.relationship_id))
        st = status_fail(STATUS_PROTOCOL, 0, "its relationship id is zero.");
    request.verb = (enum request_verb)verb;
    if (st == STATUS_OK && has_disks(request.verb))
        st = decode_agree(object, &request);
    if (st == STATUS_OK && request.probe && request.verb == REQUEST_COMPARE)
        st = status_fail(STATUS_PROTOCOL, 0, "it compares and only looks.");
    if (st == STATUS_OK && !request.probe && request.verb != REQUEST_COMPARE &&
        guid_is_zero(&request.resync_id))
        st = status_fail(STATUS_PROTOCOL, 0, "its resynchronization id is zero.");
out:
    st = as_protocol(st, "request");
    json_decref(object);
    if (st == STATUS_OK)
        *out = request;
    else
        request_free(&request);
    return st;
}

void agreement_free(struct agreement *agreement)
{
    peer_disks_free(&agreement->disks);
    json_decref(agreement->warnings);
    agreement->warnings = NULL;
    free(agreement->volume);
    agreement->volume = NULL;
    agreement->volume_count = 0;
}

static json_t *volumes_encode(const struct agreement *agreement)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < agreement->volume_count; i++) {
        const struct peer_volume *volume = &agreement->volume[i];
        if (json_array_append_new(
                array, json_pack("{s:s, s:I, s:I}", "name", volume->name, "needed",
                                 (json_int_t)min_u64(volume->needed, INT64_MAX), "freeSpace",
                                 (json_int_t)min_u64(volume->free_space, INT64_MAX))) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static enum status volumes_decode(const json_t *reply, struct agreement *out)
{
    const json_t *array = json_object_get(reply, "volumes");
    size_t count = json_array_size(array);
    enum status st = STATUS_OK;
    if (count == 0)
        return STATUS_OK;
    if (count > RELATIONSHIP_DISKS_MAX)
        return wrong("number of volumes is not possible");
    out->volume = calloc(count, sizeof *out->volume);
    if (!out->volume)
        return status_no_memory("the peer's volumes");
    out->volume_count = count;
    for (size_t i = 0; st == STATUS_OK && i < count; i++) {
        const json_t *object = json_array_get(array, i);
        struct peer_volume *volume = &out->volume[i];
        if ((st = copy_text(object, "name", volume->name, sizeof volume->name)) == STATUS_OK &&
            (st = js_get_u64(object, "needed", &volume->needed)) == STATUS_OK)
            st = js_get_u64(object, "freeSpace", &volume->free_space);
    }
    return st;
}

json_t *agreement_encode(const struct agreement *agreement)
{
    return json_pack("{s:o, s:I, s:o, s:O*}", "disks", disks_encode(&agreement->disks), "freeSpace",
                     (json_int_t)agreement->free_space, "volumes", volumes_encode(agreement),
                     "warnings", agreement->warnings);
}

enum status agreement_decode(const json_t *reply, struct agreement *out)
{
    struct agreement agreement = {.free_space = 0};
    enum status st = js_get_u64(reply, "freeSpace", &agreement.free_space);
    if (st == STATUS_OK)
        st = disks_decode(reply, &agreement.disks);
    if (st == STATUS_OK)
        st = volumes_decode(reply, &agreement);
    if (st != STATUS_OK) {
        st = as_protocol(st, "answer");
        agreement_free(&agreement);
        return st;
    }
    json_t *warnings = json_object_get(reply, "warnings");
    agreement.warnings = json_is_array(warnings) ? json_incref(warnings) : NULL;
    *out = agreement;
    return STATUS_OK;
}

json_t *beginning_encode(const struct beginning *beginning)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < beginning->count; i++)
        if (json_array_append_new(array, json_integer((json_int_t)beginning->start[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return json_pack("{s:o, s:s*}", "start", array, "restarted",
                     beginning->restarted[0] ? beginning->restarted : NULL);
}

enum status beginning_decode(const json_t *reply, struct beginning *out)
{
    memset(out, 0, sizeof *out);
    json_t *array;
    enum status st = js_get_array(reply, "start", &array);
    if (st == STATUS_OK && json_array_size(array) > RELATIONSHIP_DISKS_MAX)
        st = wrong("number of disks is not possible");
    if (st == STATUS_OK && json_object_get(reply, "restarted"))
        st = copy_text(reply, "restarted", out->restarted, sizeof out->restarted);
    if (st != STATUS_OK)
        return as_protocol(st, "answer");
    out->count = json_array_size(array);
    for (size_t i = 0; i < out->count; i++) {
        json_t *start = json_array_get(array, i);
        if (!json_is_integer(start) || json_integer_value(start) < 0)
            return as_protocol(wrong("starting offset is none"), "answer");
        out->start[i] = (uint64_t)json_integer_value(start);
    }
    return STATUS_OK;
}

json_t *outcome_encode(const struct outcome_report *report)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < report->count; i++)
        if (json_array_append_new(array, json_pack("{s:I, s:I}", "total",
                                                   (json_int_t)report->disk[i].total, "merged",
                                                   (json_int_t)report->disk[i].merged)) != 0) {
            json_decref(array);
            return NULL;
        }
    return json_pack("{s:s, s:o}", "outcome", outcome_names[report->outcome], "disks", array);
}

enum status outcome_decode(const json_t *reply, struct outcome_report *out)
{
    memset(out, 0, sizeof *out);
    const char *name = "";
    json_t *array = NULL;
    size_t index = 0;
    enum status st = js_get_string(reply, "outcome", &name);
    if (st == STATUS_OK)
        st = js_get_array(reply, "disks", &array);
    if (st == STATUS_OK &&
        !find_name(outcome_names, sizeof outcome_names / sizeof *outcome_names, name, &index))
        st = wrong("outcome is unknown");
    if (st == STATUS_OK && json_array_size(array) > RELATIONSHIP_DISKS_MAX)
        st = wrong("number of disks is not possible");
    out->outcome = (enum request_outcome)index;
    for (size_t i = 0; st == STATUS_OK && i < json_array_size(array); i++) {
        const json_t *disk = json_array_get(array, i);
        if ((st = js_get_u64(disk, "total", &out->disk[i].total)) == STATUS_OK)
            st = js_get_u64(disk, "merged", &out->disk[i].merged);
        out->count = i + 1;
    }
    return as_protocol(st, "answer");
}

json_t *reply_error(const struct status_details *details, const struct pair_mismatch *mismatch)
{
    json_t *told = NULL;
    if (mismatch->present)
        told = json_pack("{s:i, s:s, s:I, s:i}", "disk", (int)mismatch->disk, "name",
                         mismatch->name, "size", (json_int_t)mismatch->size, "logicalSector",
                         (int)mismatch->logical_sector);
    return json_pack("{s:o, s:o*}", "error", js_from_status(details), "mismatch", told);
}

// Only for an event's fields: anything that is wrong with it leaves it out.
static void mismatch_decode(const json_t *object, struct pair_mismatch *out)
{
    uint64_t disk, logical;
    memset(out, 0, sizeof *out);
    out->present = object && js_get_u64(object, "disk", &disk) == STATUS_OK &&
                   disk < RELATIONSHIP_DISKS_MAX &&
                   copy_text(object, "name", out->name, sizeof out->name) == STATUS_OK &&
                   js_get_u64(object, "size", &out->size) == STATUS_OK &&
                   js_get_u64(object, "logicalSector", &logical) == STATUS_OK && logical <= 4096;
    if (!out->present)
        return;
    out->disk = (size_t)disk;
    out->logical_sector = (uint32_t)logical;
}

enum status reply_decode(const uint8_t *data, size_t size, struct pair_mismatch *mismatch,
                         json_t **out)
{
    json_t *object = NULL;
    enum status st = js_parse((const char *)data, size, &object);
    if (st != STATUS_OK)
        return as_protocol(st, "answer");
    const json_t *error = json_object_get(object, "error");
    if (error) {
        struct status_details details;
        mismatch_decode(json_object_get(object, "mismatch"), mismatch);
        js_to_status(error, &details);
        json_decref(object);
        return status_restore(&details);
    }
    *out = object;
    return STATUS_OK;
}
