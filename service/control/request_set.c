// `set` and `server-set`: settings are saved first, then in force, and an event tells what changed.
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "service/control/request_schedule.h"
#include "service/control/requests.h"
#include "service/monitor/metrics_file.h"
#include "service/supervise/agenda.h"
#include "service/supervise/tasks.h"
#include "service/vm_events.h"

// What `set` changes; members that were not given keep what is.
struct set_change {
    const json_t *request;
    struct buffer *told; // for the event: "BandwidthLimit 1000000, ..."
    uint64_t bandwidth_limit;
    struct resync_schedule schedule; // as it is then
};

bool request_given(const json_t *request, const char *member)
{
    return json_object_get(request, member) != NULL;
}

enum status request_tell(struct buffer *told, const char *name, const char *value)
{
    return told ? buffer_printf(told, "%s%s %s", told->size ? ", " : "", name, value) : STATUS_OK;
}

static enum status tell_number(struct buffer *told, const char *name, uint64_t value)
{
    return buffer_printf(told, "%s%s %" PRIu64, told->size ? ", " : "", name, value);
}

static enum status set_bandwidth(struct relationship *r, struct set_change *change)
{
    enum status s = js_get_u64(change->request, "bandwidth_limit", &r->bandwidth_limit);
    return s == STATUS_OK ? tell_number(change->told, "BandwidthLimit", r->bandwidth_limit) : s;
}

// The other server may be another one only while nothing that it keeps for us is unfinished.
static enum status check_server_may_change(const struct relationship *r)
{
    if (r->mode != MODE_PRIMARY)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "'%s' is a replica here and has no replica server.", r->name);
    if (r->phase == PHASE_NONE && r->state != REPLICATION_RESYNCHRONIZING)
        return STATUS_OK;
    status_fail(STATUS_REFUSED, 0,
                "The replica server of '%s' cannot be changed: its replication state is %s, and "
                "what was sent lies on "
                "the present one.",
                r->name, replication_state_text(r->state));
    return status_advise(RefusedInState_value, "Cancel it first: vrepctl stop \"%s\"", r->name);
}

static enum status set_server(struct relationship *r, struct set_change *change)
{
    const char *server;
    uint64_t port;
    enum status s = check_server_may_change(r);
    if (s == STATUS_OK)
        s = js_opt_string(change->request, "replica_server", r->replica_server, &server);
    if (s == STATUS_OK)
        s = js_opt_u64(change->request, "replica_port", r->replica_port, &port);
    if (s == STATUS_OK)
        s = request_check_host("replica_server", server);
    if (s == STATUS_OK && (port == 0 || port > UINT16_MAX))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0,
                        "The port of the replica server must be 1 to 65535.");
    if (s == STATUS_OK && strcmp(server, r->replica_server) != 0)
        s = relationship_set_text(&r->replica_server, server);
    if (s != STATUS_OK)
        return s;
    r->replica_port = (uint16_t)port;
    s = request_tell(change->told, "ReplicaServerName", r->replica_server);
    return s == STATUS_OK ? tell_number(change->told, "ReplicaServerPort", port) : s;
}

static enum status set_allowed_primary(struct relationship *r, struct set_change *change)
{
    const char *allowed;
    if (r->mode != MODE_REPLICA)
        return status_fail(STATUS_INVALID_ARGUMENT, 0,
                           "'%s' is a primary here; its replica server allows primaries.", r->name);
    enum status s = js_opt_string(change->request, "allowed_primary", NULL, &allowed);
    if (s == STATUS_OK && allowed && *allowed == '\0')
        allowed = NULL;
    if (s == STATUS_OK && allowed)
        s = request_check_host("allowed_primary", allowed);
    if (s == STATUS_OK)
        s = relationship_set_text(&r->allowed_primary, allowed);
    return s == STATUS_OK
               ? request_tell(change->told, "AllowedPrimaryServer", allowed ? allowed : "(any)")
               : s;
}

static enum status set_record(struct relationship *r, void *argument)
{
    struct set_change *change = argument;
    enum status s = STATUS_OK;
    if (request_given(change->request, "bandwidth_limit"))
        s = set_bandwidth(r, change);
    if (s == STATUS_OK && (request_given(change->request, "replica_server") ||
                           request_given(change->request, "replica_port")))
        s = set_server(r, change);
    if (s == STATUS_OK && request_given(change->request, "allowed_primary"))
        s = set_allowed_primary(r, change);
    if (s == STATUS_OK && request_has_schedule(change->request))
        s = request_read_schedule(change->request, r, change->told);
    if (s == STATUS_OK && change->told->size == 0)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "The request names no setting to change.");
    change->bandwidth_limit = r->bandwidth_limit;
    change->schedule = r->schedule;
    return s;
}

static void raise_set(struct supervisor *supervisor, registry_key key, const char *told,
                      const struct control_caller *caller)
{
    struct relationship *r;
    if (registry_get(supervisor->context.registry, key, &r) != STATUS_OK)
        return;
    EventWriteSettingsChanged(supervisor->context.events, r->name, r->id.bytes, told,
                              caller->account, caller->client);
    relationship_free(r);
}

enum status request_set(struct supervisor *supervisor, const struct control_caller *caller,
                        const json_t *request, json_t **result)
{
    registry_key key;
    struct buffer told = {0};
    struct set_change change = {.request = request, .told = &told};
    enum status s = request_find(supervisor, request, &key);
    if (s == STATUS_OK)
        s = registry_update(supervisor->context.registry, key, set_record, &change);
    if (s == STATUS_OK) {
        tasks_set_bandwidth(supervisor->tasks, key, change.bandwidth_limit);
        raise_set(supervisor, key, (const char *)told.data, caller);
        agenda_look_soon(supervisor->agenda);
        s = request_view_now(supervisor, key, result);
    }
    if (s == STATUS_OK)
        s = request_warn_of_schedule(request, &change.schedule, result);
    buffer_free(&told);
    return s;
}

// "" for none.
static enum status read_metrics_folder(const json_t *request, struct server_settings *settings,
                                       struct buffer *told)
{
    const char *folder;
    enum status s = js_get_string(request, "metrics_folder", &folder);
    if (s == STATUS_OK && *folder == '\0')
        folder = NULL;
    else if (s == STATUS_OK)
        s = server_settings_check_folder(folder);
    if (s == STATUS_OK)
        s = relationship_set_text(&settings->metrics_folder, folder);
    return s == STATUS_OK ? request_tell(told, "MetricsFolder", folder ? folder : "(none)") : s;
}

static enum status read_server_settings(const json_t *request, struct server_settings *settings,
                                        struct buffer *told)
{
    uint64_t transfers = settings->maximum_active_transfers;
    enum status s = js_opt_u64(request, "bandwidth_limit", settings->bandwidth_limit,
                               &settings->bandwidth_limit);
    if (s == STATUS_OK)
        s = js_opt_u64(request, "maximum_active_transfers", transfers, &transfers);
    if (s == STATUS_OK && (transfers == 0 || transfers > MAXIMUM_ACTIVE_TRANSFERS_LIMIT))
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "\"maximum_active_transfers\" must be 1 to %d.",
                        MAXIMUM_ACTIVE_TRANSFERS_LIMIT);
    if (s != STATUS_OK)
        return s;
    settings->maximum_active_transfers = (unsigned)transfers;
    if (request_given(request, "bandwidth_limit"))
        s = tell_number(told, "BandwidthLimit", settings->bandwidth_limit);
    if (s == STATUS_OK && request_given(request, "maximum_active_transfers"))
        s = tell_number(told, "MaximumActiveTransfers", transfers);
    if (s == STATUS_OK && request_given(request, "metrics_folder"))
        s = read_metrics_folder(request, settings, told);
    if (s == STATUS_OK && told->size == 0)
        s = status_fail(STATUS_INVALID_ARGUMENT, 0, "The request names no setting to change.");
    return s;
}

// Saved first, then in force. One change at a time; `settings` below is written only by its holder.
static enum status change_settings(struct supervisor *supervisor, const json_t *request,
                                   struct buffer *told)
{
    pthread_mutex_lock(&supervisor->change_lock);
    struct server_settings settings = supervisor->settings; // shares what does not change
    settings.metrics_folder = NULL;
    enum status s =
        relationship_set_text(&settings.metrics_folder, supervisor->settings.metrics_folder);
    if (s == STATUS_OK)
        s = read_server_settings(request, &settings, told);
    if (s == STATUS_OK)
        s = store_save_settings(supervisor->store, &settings);
    if (s == STATUS_OK) {
        char *before = supervisor->settings.metrics_folder;
        pthread_mutex_lock(&supervisor->settings_lock);
        supervisor->settings = settings;
        pthread_mutex_unlock(&supervisor->settings_lock);
        settings.metrics_folder = before;
        throttle_set_rate(supervisor->context.server_throttle, settings.bandwidth_limit);
        tasks_set_maximum(supervisor->tasks, settings.maximum_active_transfers);
        metrics_file_soon(supervisor->metrics);
    }
    free(settings.metrics_folder);
    pthread_mutex_unlock(&supervisor->change_lock);
    return s;
}

enum status request_server_set(struct supervisor *supervisor, const struct control_caller *caller,
                               const json_t *request, json_t **result)
{
    struct buffer told = {0};
    enum status s = change_settings(supervisor, request, &told);
    if (s == STATUS_OK)
        EventWriteServerSettingsChanged(supervisor->context.events, (const char *)told.data,
                                        caller->account, caller->client);
    buffer_free(&told);
    return s == STATUS_OK ? request_server_view(supervisor, result) : s;
}
