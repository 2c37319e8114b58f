#include "service/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/control_name.h"
#include "base/clock.h"
#include "base/os.h"
#include "service/control/requests.h"
#include "service/control/server.h"
#include "service/monitor/metrics_file.h"
#include "service/supervise/agenda.h"
#include "service/replicate/replica_table.h"
#include "service/supervise/questions.h"
#include "service/supervise/retirement.h"
#include "service/supervise/sessions.h"
#include "service/supervise/tasks.h"
#include "service/supervise/unfinished.h"
#include "service/vm_events.h"
#include "service/supervise/watch.h"

#define STOP_MS      7000 // all threads have so long to reach their next safe point
#define STOP_STEP_MS 1000 // between calls of the wait hint

struct service {
    struct supervisor supervisor;
    char *data_folder;
    char *host_name;
    char *instance;
    char *listen_address;
    struct listener *listener; // until the sessions take it over
    struct control_server *control;
};

const struct replication_ops replication_ops_real = {
    .hold_open = disk_hold_open,
    .hold_close = disk_hold_close,
    .run = resync_primary_run,
    .cancel = resync_primary_cancel,
    .ask = question_ask,
    .compare = comparison_run,
    .merge = resync_replica_merge,
    .discard = resync_replica_discard,
    .hold_replica = resync_replica_hold,
};

// ---- start ----

static enum status copy_options(struct service *service, const struct service_options *options)
{
    enum status s = relationship_set_text(&service->instance, options->instance);
    if (s == STATUS_OK && options->data_folder)
        s = os_absolute_path(options->data_folder, &service->data_folder);
    else if (s == STATUS_OK)
        s = default_data_folder(options->instance, &service->data_folder);
    if (s == STATUS_OK)
        s = os_host_name(&service->host_name);
    return s;
}

static void raise_unreadable(const struct supervisor *supervisor)
{
    size_t count;
    const struct unreadable_state *files =
        registry_unreadable(supervisor->context.registry, &count);
    for (size_t i = 0; i < count; i++)
        EventWriteStateFileUnreadable(supervisor->context.events, files[i].path,
                                      files[i].why.message, event_code(&files[i].why));
}

static enum status open_state(struct service *service, const struct service_options *options)
{
    struct supervisor *supervisor = &service->supervisor;
    struct service_context *context = &supervisor->context;
    enum status s = store_open(service->data_folder, &supervisor->store);
    if (s == STATUS_OK)
        s = store_load_settings(supervisor->store, &supervisor->settings);
    if (s == STATUS_OK)
        s = event_log_open(service->data_folder, service->instance, options->echo_events,
                           event_system_sinks, &context->event_log);
    if (s == STATUS_OK)
        context->events = event_log_writer(context->event_log);
    if (s == STATUS_OK)
        s = registry_open(supervisor->store, &context->registry);
    if (s == STATUS_OK)
        raise_unreadable(supervisor);
    return s;
}

static enum status open_parts(struct service *service)
{
    struct supervisor *supervisor = &service->supervisor;
    struct service_context *context = &supervisor->context;
    context->host_name = service->host_name;
    context->instance = service->instance;
    context->fs = file_system_os();
    supervisor->zone = time_zone_system();
    enum status s = vhd_choose_backend(vhd_default_backend());
    if (s == STATUS_OK)
        s = throttle_new(supervisor->settings.bandwidth_limit, &context->server_throttle);
    if (s == STATUS_OK)
        s = replica_table_new(&context->replicas);
    if (s == STATUS_OK)
        s = workers_new(&supervisor->workers);
    if (s == STATUS_OK)
        s = questions_new(supervisor, &supervisor->questions);
    if (s == STATUS_OK)
        s = metrics_file_new(supervisor, request_metrics_text, &supervisor->metrics);
    if (s == STATUS_OK)
        s = tasks_new(supervisor, supervisor->settings.maximum_active_transfers,
                      &supervisor->tasks);
    return s;
}

static enum status open_doors(struct service *service, const struct service_options *options)
{
    struct supervisor *supervisor = &service->supervisor;
    const char *address =
        options->listen_address ? options->listen_address : supervisor->settings.listen_address;
    uint16_t port = options->listen_port >= 0 ? (uint16_t)options->listen_port
                                              : supervisor->settings.listen_port;
    enum status s = relationship_set_text(&service->listen_address, address);
    if (s == STATUS_OK)
        s = transport_listen(address, port, &service->listener);
    if (s != STATUS_OK)
        return s;
    supervisor->listen_address = service->listen_address;
    supervisor->listen_port = transport_port(service->listener);
    s = watch_new(supervisor, &supervisor->watch);
    if (s == STATUS_OK)
        s = unfinished_resume(supervisor); // before anybody can ask for more
    if (s == STATUS_OK)
        s = agenda_new(supervisor, &supervisor->agenda);
    if (s == STATUS_OK)
        s = sessions_new(supervisor, service->listener, &supervisor->sessions);
    if (s == STATUS_OK)
        service->listener = NULL;
    if (s == STATUS_OK)
        s = metrics_file_start(supervisor->metrics);
    if (s == STATUS_OK)
        s = control_server_start(service->instance, requests_handle, supervisor, &service->control);
    return s;
}

static void raise_started(const struct service *service)
{
    const struct supervisor *supervisor = &service->supervisor;
    registry_key *keys = NULL;
    size_t count = 0;
    if (registry_list(supervisor->context.registry, &keys, &count) == STATUS_OK)
        free(keys);
    EventWriteServiceStarted(supervisor->context.events, VREP_VERSION,
                             service->instance ? service->instance : "default",
                             service->listen_address, supervisor->listen_port, (uint32_t)count,
                             vhd_backend_name(vhd_chosen_backend()));
}

static struct service *service_new(void)
{
    struct service *service = calloc(1, sizeof *service);
    if (!service) {
        (void)status_no_memory("the service");
        return NULL;
    }
    service->supervisor.ops = &replication_ops_real;
    pthread_mutex_init(&service->supervisor.change_lock, NULL);
    pthread_mutex_init(&service->supervisor.settings_lock, NULL);
    return service;
}

enum status service_start(const struct service_options *options, struct service **out)
{
    struct service *service = service_new();
    if (!service)
        return STATUS_OUT_OF_MEMORY;
    enum status s = copy_options(service, options);
    if (s == STATUS_OK)
        s = open_state(service, options);
    if (s == STATUS_OK)
        s = open_parts(service);
    if (s == STATUS_OK)
        s = open_doors(service, options);
    if (s != STATUS_OK) {
        const struct status_details why = *status_last();
        service_stop(service, NULL, NULL);
        return status_restore(&why);
    }
    raise_started(service);
    *out = service;
    return STATUS_OK;
}

// ---- stop ----

// No new work, and whatever runs is cut at its next safe point.
static void shut_all(struct service *service)
{
    struct supervisor *supervisor = &service->supervisor;
    if (service->control)
        control_server_stop(service->control);
    if (supervisor->sessions)
        sessions_shut(supervisor->sessions);
    if (supervisor->agenda)
        agenda_shut(supervisor->agenda);
    if (supervisor->watch)
        watch_shut(supervisor->watch);
    if (supervisor->metrics)
        metrics_file_shut(supervisor->metrics);
    if (supervisor->questions)
        questions_shut(supervisor->questions);
    if (supervisor->tasks)
        tasks_shut(supervisor->tasks);
}

static bool wait_for_all(struct workers *workers, void (*wait_hint)(void *context), void *context)
{
    int64_t deadline = clock_mono_ms() + STOP_MS;
    bool ended = !workers;
    while (!ended && clock_mono_ms() < deadline) {
        ended = workers_wait(workers, STOP_STEP_MS);
        if (!ended && wait_hint)
            wait_hint(context);
    }
    return ended;
}

static void raise_abandoned(void *context, const char *purpose, const char *object)
{
    const struct supervisor *supervisor = context;
    EventWriteThreadAbandoned(supervisor->context.events, purpose, object);
}

static void service_free(struct service *service)
{
    struct supervisor *supervisor = &service->supervisor;
    sessions_free(supervisor->sessions);
    if (service->listener)
        transport_close(service->listener);
    tasks_free(supervisor->tasks);
    agenda_free(supervisor->agenda);
    watch_free(supervisor->watch);
    questions_free(supervisor->questions);
    metrics_file_free(supervisor->metrics);
    workers_free(supervisor->workers);
    replica_table_free(supervisor->context.replicas);
    throttle_free(supervisor->context.server_throttle);
    registry_close(supervisor->context.registry);
    event_log_close(supervisor->context.event_log);
    server_settings_free(&supervisor->settings);
    store_close(supervisor->store);
    pthread_mutex_destroy(&supervisor->settings_lock);
    pthread_mutex_destroy(&supervisor->change_lock);
    free(service->listen_address);
    free(service->data_folder);
    free(service->host_name);
    free(service->instance);
    free(service);
}

void service_stop(struct service *service, void (*wait_hint)(void *context), void *context)
{
    struct supervisor *supervisor = &service->supervisor;
    bool served = service->control != NULL;
    shut_all(service);
    bool ended = wait_for_all(supervisor->workers, wait_hint, context);
    if (!ended)
        workers_each(supervisor->workers, raise_abandoned, supervisor);
    if (served)
        EventWriteServiceStopped(supervisor->context.events, VREP_VERSION,
                                 service->instance ? service->instance : "default");
    // A thread that a disk blocks may still use all of it: then the end of the process frees it.
    if (ended)
        service_free(service);
}

// ---- the end of an installation ----

enum status service_retire(const struct service_options *options, bool force, struct buffer *report)
{
    struct service *service = service_new();
    if (!service)
        return STATUS_OUT_OF_MEMORY;
    enum status s = copy_options(service, options);
    bool any = s == STATUS_OK && os_file_exists(service->data_folder);
    if (any)
        s = open_state(service, options);
    if (s == STATUS_IN_USE)
        s = status_advise(0, "Stop the service first.");
    if (s == STATUS_OK && any)
        s = open_parts(service);
    if (s == STATUS_OK && any)
        s = retire_all(&service->supervisor, force, report);
    const struct status_details why = *status_last();
    service_stop(service, NULL, NULL);
    return s == STATUS_OK ? s : status_restore(&why);
}
