#include "tests/support/test.h"

#include "tests/support/service/stage.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"
#include "service/control/requests.h"
#include "service/monitor/metrics_file.h"
#include "service/supervise/agenda.h"
#include "service/supervise/questions.h"
#include "service/supervise/unfinished.h"
#include "service/supervise/verbs.h"
#include "service/supervise/watch.h"
#include "tests/support/must.h"
#include "tests/support/records.h"
#include "tests/support/temp.h"

#define STEP_MS 5

static const struct control_caller caller = {.account = "HOST\\alice", .client = "test"};

// The supervisor is the first member.
static struct stage *stage_of(const struct service_context *service)
{
    return (struct stage *)(uintptr_t)service;
}

// ---- the actor ----

static enum resync_end play(const struct stage_line *line)
{
    if (line->status != STATUS_OK)
        status_fail(line->status, 0, "%s", line->message ? line->message : "It is so written.");
    return line->end;
}

static enum status act_hold_open(const struct service_context *service,
                                 const struct relationship *r, struct disk_hold **out)
{
    struct stage *stage = stage_of(service);
    (void)r;
    pthread_mutex_lock(&stage->lock);
    stage->held++;
    pthread_cond_broadcast(&stage->changed);
    while (stage->hold_disks)
        pthread_cond_wait(&stage->changed, &stage->lock);
    pthread_mutex_unlock(&stage->lock);
    *out = (struct disk_hold *)stage; // a token
    return STATUS_OK;
}

static void act_hold_close(struct disk_hold *hold)
{
    struct stage *stage = (struct stage *)hold;
    pthread_mutex_lock(&stage->lock);
    stage->released++;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

static enum status to_comparing(struct relationship *r, void *argument)
{
    (void)argument;
    r->phase = PHASE_COMPARING;
    return STATUS_OK;
}

static enum status to_merged(struct relationship *r, void *argument)
{
    r->phase = PHASE_NONE;
    r->last_resync_id = r->resync_id;
    r->last_outcome = OUTCOME_MERGED;
    r->last_replication_time = *(const int64_t *)argument;
    return STATUS_OK;
}

// Waits while the test wants it; the order that came, if any.
static enum job_order wait_on_stage(struct stage *stage, struct job *job)
{
    pthread_mutex_lock(&stage->lock);
    while (stage->hold && job_get_order(job) == JOB_GO)
        thread_cond_wait_ms(&stage->changed, &stage->lock, STEP_MS);
    pthread_mutex_unlock(&stage->lock);
    return job_get_order(job);
}

static struct stage_line enter(struct stage *stage, registry_key key)
{
    pthread_mutex_lock(&stage->lock);
    struct stage_line line = {.end = RESYNC_MERGED, .begins = true};
    if (stage->runs < STAGE_SCRIPT_MAX) {
        stage->order[stage->runs] = key;
        if (stage->run[stage->runs].end != RESYNC_MERGED || stage->run[stage->runs].begins)
            line = stage->run[stage->runs];
    }
    stage->runs++;
    stage->active++;
    if (stage->active > stage->most_active)
        stage->most_active = stage->active;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return line;
}

static void leave(struct stage *stage)
{
    pthread_mutex_lock(&stage->lock);
    stage->active--;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

static enum resync_end act(struct stage *stage, registry_key key, struct job *job,
                           struct disk_hold **hold, const struct stage_line *line)
{
    struct registry *registry = stage->supervisor.context.registry;
    int64_t now = clock_wall_ms();
    if (line->begins && registry_update(registry, key, to_comparing, NULL) != STATUS_OK)
        return RESYNC_RETRY;
    switch (wait_on_stage(stage, job)) {
    case JOB_CUT:
        return RESYNC_CUT;
    case JOB_SUSPEND:
        return RESYNC_SUSPENDED;
    case JOB_CANCEL:
        return RESYNC_RETRY; // the line is dead: the task has to ask
    case JOB_GO:
        break;
    }
    if (line->end != RESYNC_MERGED)
        return play(line);
    if (*hold)
        act_hold_close(*hold);
    *hold = NULL;
    return registry_update(registry, key, to_merged, &now) == STATUS_OK ? RESYNC_MERGED
                                                                        : RESYNC_RETRY;
}

static enum resync_end act_run(const struct service_context *service, registry_key key,
                               struct job *job, struct disk_hold **hold, struct throttle *throttle)
{
    struct stage *stage = stage_of(service);
    (void)throttle;
    struct stage_line line = enter(stage, key);
    enum resync_end end = act(stage, key, job, hold, &line);
    leave(stage);
    return end;
}

// The next line of a script that ends with `last` for ever.
static enum resync_end next_line(struct stage *stage, const struct stage_line *script,
                                 unsigned *count, enum resync_end last)
{
    pthread_mutex_lock(&stage->lock);
    struct stage_line line = {.end = last};
    if (*count < STAGE_SCRIPT_MAX && script[*count].status != STATUS_OK)
        line = script[*count];
    else if (*count < STAGE_SCRIPT_MAX && script[*count].begins)
        line.end = script[*count].end;
    ++*count;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    return play(&line);
}

static enum resync_end act_cancel(const struct service_context *service, registry_key key,
                                  struct job *job, uint32_t deadline_ms)
{
    struct stage *stage = stage_of(service);
    (void)key;
    (void)job;
    (void)deadline_ms;
    return next_line(stage, stage->cancel, &stage->cancels, RESYNC_CANCELLED);
}

static enum resync_end act_merge(const struct service_context *service, registry_key key,
                                 struct job *job)
{
    struct stage *stage = stage_of(service);
    int64_t now = clock_wall_ms();
    (void)job;
    enum resync_end end = next_line(stage, stage->merge, &stage->merges, RESYNC_MERGED);
    if (end == RESYNC_MERGED &&
        registry_update(service->registry, key, to_merged, &now) != STATUS_OK)
        return RESYNC_RETRY;
    return end;
}

// Repeats the question.
static enum status act_ask(const struct service_context *service, const struct question *question,
                           struct job *job, uint32_t deadline_ms, json_t **report)
{
    (void)service;
    (void)job;
    (void)deadline_ms;
    *report = json_pack("{s:s, s:i, s:i, s:s, s:i, s:b, s:I, s:I}", "ReplicaHost", "there", "kind",
                        question->kind, "key", question->key, "server", question->server, "port",
                        question->port, "overwrite", question->overwrite_replica, "limit",
                        (json_int_t)question->bandwidth_limit, "start_time",
                        (json_int_t)question->start_time);
    return *report ? STATUS_OK : status_no_memory("a report");
}

// Finds one range different; with hold_compare it does so and then waits for an order.
static enum status act_compare(const struct service_context *service, registry_key key,
                               struct job *job, const struct disk_hold *hold,
                               struct comparison *out, uint64_t *rate)
{
    struct stage *stage = stage_of(service);
    (void)key;
    (void)hold;
    pthread_mutex_lock(&stage->lock);
    stage->compares++;
    bool waits = stage->hold_compare;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
    while (waits && job_get_order(job) == JOB_GO)
        (void)job_sleep(job, 10);
    out->disk = calloc(1, sizeof *out->disk);
    if (!out->disk)
        return status_no_memory("a comparison");
    out->disk_count = 1;
    out->disk[0].total = out->disk[0].compared = 8 << 20;
    comparison_note(&out->disk[0], 4096, 8192);
    *rate = 1000;
    return waits ? status_fail(STATUS_CANCELLED, 0, "The comparison was given up on request.")
                 : STATUS_OK;
}

static enum status act_discard(const struct service_context *service, registry_key key)
{
    struct stage *stage = stage_of(service);
    (void)key;
    pthread_mutex_lock(&stage->lock);
    stage->discards++;
    pthread_mutex_unlock(&stage->lock);
    return STATUS_OK;
}

static void act_hold_replica(const struct service_context *service, registry_key key)
{
    (void)service;
    (void)key;
}

static const struct replication_ops actor = {
    .hold_open = act_hold_open,
    .hold_close = act_hold_close,
    .run = act_run,
    .cancel = act_cancel,
    .ask = act_ask,
    .compare = act_compare,
    .merge = act_merge,
    .discard = act_discard,
    .hold_replica = act_hold_replica,
};

// ---- the house ----

static void open_parts(struct stage *stage)
{
    struct supervisor *supervisor = &stage->supervisor;
    struct service_context *context = &supervisor->context;
    *supervisor =
        (struct supervisor){.ops = &actor, .listen_address = "127.0.0.1", .listen_port = 29242};
    pthread_mutex_init(&supervisor->change_lock, NULL);
    pthread_mutex_init(&supervisor->settings_lock, NULL);
    context->host_name = "primary.example";
    context->fs = mem_fs_system(stage->disks);
    supervisor->zone = &stage->moving.zone;
    assert_ok(store_open(stage->folder, &supervisor->store));
    assert_ok(store_load_settings(supervisor->store, &supervisor->settings));
    assert_ok(event_log_open(stage->folder, NULL, false, NULL, &context->event_log));
    context->events = event_log_writer(context->event_log);
    assert_ok(registry_open(supervisor->store, &context->registry));
    assert_ok(throttle_new(0, &context->server_throttle));
    assert_ok(workers_new(&supervisor->workers));
    assert_ok(questions_new(supervisor, &supervisor->questions));
    assert_ok(metrics_file_new(supervisor, request_metrics_text, &supervisor->metrics));
    assert_ok(
        tasks_new(supervisor, supervisor->settings.maximum_active_transfers, &supervisor->tasks));
    assert_ok(watch_new(supervisor, &supervisor->watch));
    assert_ok(unfinished_resume(supervisor));
    assert_ok(metrics_file_start(supervisor->metrics));
    assert_ok(agenda_new(supervisor, &supervisor->agenda));
}

void stage_open(struct stage *stage)
{
    if (!stage->folder) {
        pthread_mutex_init(&stage->lock, NULL);
        thread_cond_init(&stage->changed);
        stage->disks = mem_fs_new();
        moving_zone_init(&stage->moving);
        stage->folder = temp_folder();
    }
    open_parts(stage);
}

void stage_leave(struct stage *stage)
{
    struct supervisor *supervisor = &stage->supervisor;
    stage_set(stage, &stage->hold_disks, false);
    agenda_shut(supervisor->agenda);
    watch_shut(supervisor->watch);
    metrics_file_shut(supervisor->metrics);
    questions_shut(supervisor->questions);
    tasks_shut(supervisor->tasks);
    assert_true(workers_wait(supervisor->workers, STAGE_PATIENCE_MS));
    tasks_free(supervisor->tasks);
    agenda_free(supervisor->agenda);
    watch_free(supervisor->watch);
    questions_free(supervisor->questions);
    metrics_file_free(supervisor->metrics);
    workers_free(supervisor->workers);
    throttle_free(supervisor->context.server_throttle);
    registry_close(supervisor->context.registry);
    event_log_close(supervisor->context.event_log);
    server_settings_free(&supervisor->settings);
    store_close(supervisor->store);
    pthread_mutex_destroy(&supervisor->settings_lock);
    pthread_mutex_destroy(&supervisor->change_lock);
}

void stage_close(struct stage *stage)
{
    stage_leave(stage);
    assert_int_equal(stage->held, stage->released); // nobody's disks stay held
    temp_remove(stage->folder);
    mem_fs_free(stage->disks);
    pthread_cond_destroy(&stage->changed);
    pthread_mutex_destroy(&stage->lock);
}

// ---- what tests do ----

int stage_set_up(void **state)
{
    *state = must_alloc(sizeof(struct stage));
    stage_open(*state);
    return 0;
}

int stage_tear_down(void **state)
{
    stage_close(*state);
    free(*state);
    return 0;
}

void stage_restart(struct stage *stage)
{
    stage_leave(stage);
    stage_open(stage);
}

registry_key stage_key(struct stage *stage, const char *name)
{
    registry_key key = 0;
    assert_ok(registry_find(stage->supervisor.context.registry, name, &key));
    return key;
}

registry_key stage_start(struct stage *stage)
{
    registry_key key = stage_add(stage, "vm", MODE_PRIMARY);
    assert_ok(stage_ask(stage, key, VERB_RESUME_RESYNCHRONIZE));
    return key;
}

void stage_assert_record(struct stage *stage, registry_key key, enum replication_state state,
                         enum resynchronize_required_reason reason)
{
    struct relationship *r = stage_record(stage, key);
    assert_int_equal(r->state, state);
    assert_int_equal(r->reason, reason);
    relationship_free(r);
}

void stage_assert_error(struct stage *stage, registry_key key, enum status wanted)
{
    struct relationship *r = stage_record(stage, key);
    assert_int_equal(r->error.status, wanted);
    relationship_free(r);
}

struct guid stage_resync_id(struct stage *stage, registry_key key)
{
    struct relationship *r = stage_record(stage, key);
    struct guid id = r->resync_id;
    relationship_free(r);
    return id;
}

void stage_await_events(struct stage *stage, uint32_t id, size_t at_least)
{
    int64_t deadline = clock_mono_ms() + STAGE_PATIENCE_MS;
    while (stage_events(stage, id) < at_least && clock_mono_ms() < deadline)
        clock_sleep_ms(STEP_MS);
    assert_true(stage_events(stage, id) >= at_least);
}

registry_key stage_add(struct stage *stage, const char *name, enum replication_mode mode)
{
    registry_key key = 0;
    assert_ok(registry_add(stage->supervisor.context.registry, record_new(name, mode, 1), &key));
    return key;
}

struct relationship *stage_record(struct stage *stage, registry_key key)
{
    struct relationship *r = NULL;
    assert_ok(registry_get(stage->supervisor.context.registry, key, &r));
    return r;
}

void stage_change(struct stage *stage, registry_key key, registry_change change, void *argument)
{
    assert_ok(registry_update(stage->supervisor.context.registry, key, change, argument));
}

enum status stage_ask(struct stage *stage, registry_key key, enum relationship_verb verb)
{
    char message[VERB_MESSAGE_MAX] = "";
    enum status s = verb == VERB_REMOVE
                        ? verb_remove(&stage->supervisor, key, &caller, message)
                        : verb_apply(&stage->supervisor, key, verb, NULL, &caller, message);
    if (s == STATUS_OK)
        assert_true(strlen(message) > 0);
    return s;
}

void stage_await_state(struct stage *stage, registry_key key, enum replication_state state)
{
    enum replication_state seen;
    int64_t deadline = clock_mono_ms() + STAGE_PATIENCE_MS;
    do {
        struct relationship *r = stage_record(stage, key);
        seen = r->state;
        relationship_free(r);
        if (seen == state)
            return;
        clock_sleep_ms(STEP_MS);
    } while (clock_mono_ms() < deadline);
    fail_msg("the state is %s, not %s", replication_state_text(seen),
             replication_state_text(state));
}

void stage_await_idle(struct stage *stage, registry_key key)
{
    assert_true(tasks_wait_gone(stage->supervisor.tasks, key, STAGE_PATIENCE_MS));
}

void stage_await(struct stage *stage, const unsigned *counter, unsigned at_least)
{
    int64_t deadline = clock_mono_ms() + STAGE_PATIENCE_MS;
    pthread_mutex_lock(&stage->lock);
    while (*counter < at_least && clock_mono_ms() < deadline)
        thread_cond_wait_ms(&stage->changed, &stage->lock, STEP_MS);
    unsigned seen = *counter;
    pthread_mutex_unlock(&stage->lock);
    assert_true(seen >= at_least);
}

void stage_set(struct stage *stage, bool *flag, bool value)
{
    pthread_mutex_lock(&stage->lock);
    *flag = value;
    pthread_cond_broadcast(&stage->changed);
    pthread_mutex_unlock(&stage->lock);
}

size_t stage_events(struct stage *stage, uint32_t id)
{
    const struct event_query query = {.ids = {{id, id}}, .id_ranges = 1};
    struct event_page page;
    assert_ok(event_log_read(stage->supervisor.context.event_log, &query, &page));
    size_t count = json_array_size(page.events);
    json_decref(page.events);
    return count;
}

json_t *stage_last_event(struct stage *stage, uint32_t id)
{
    const struct event_query query = {.ids = {{id, id}}, .id_ranges = 1};
    struct event_page page;
    assert_ok(event_log_read(stage->supervisor.context.event_log, &query, &page));
    assert_true(json_array_size(page.events) > 0);
    json_t *event = json_incref(json_array_get(page.events, json_array_size(page.events) - 1));
    json_decref(page.events);
    return event;
}

enum status stage_request(struct stage *stage, const char *request, json_t **result)
{
    json_t *object;
    *result = NULL;
    int64_t begun = clock_mono_ms();
    assert_ok(js_parse(request, strlen(request), &object));
    enum status s = requests_handle(&stage->supervisor, &caller, object, result);
    json_decref(object);
    assert_true(clock_mono_ms() - begun < 2000); // whatever the disks do
    if (s != STATUS_OK) {
        assert_null(*result);
        assert_true(strlen(status_last()->message) > 0);
    }
    return s;
}
