#include "service/supervise/probes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"

#define PROBE_DEADLINE_MS 15000
#define PROBE_ANSWER_MS   1500  // a request waits so long for a probe's end
#define PROBE_FORGET_MS   60000 // an outcome that nobody asked for is forgotten after this

struct probe {
    struct probe *next;
    struct probes *owner;
    registry_key key;
    struct job *job;
    bool ended;
    int64_t ended_at;
    enum status status;
    struct status_details why;
    json_t *report;
};

struct probes {
    struct supervisor *supervisor;
    pthread_mutex_t lock; // guards the list and `ended`
    pthread_cond_t changed;
    struct probe *first;
    bool shut;
};

enum status probes_new(struct supervisor *supervisor, struct probes **out)
{
    struct probes *probes = calloc(1, sizeof *probes);
    if (!probes)
        return status_no_memory("the list of probes");
    probes->supervisor = supervisor;
    pthread_mutex_init(&probes->lock, NULL);
    thread_cond_init(&probes->changed);
    *out = probes;
    return STATUS_OK;
}

static void probe_free(struct probe *probe)
{
    json_decref(probe->report);
    job_free(probe->job);
    free(probe);
}

void probes_shut(struct probes *probes)
{
    pthread_mutex_lock(&probes->lock);
    probes->shut = true;
    for (struct probe *probe = probes->first; probe; probe = probe->next)
        job_give_order(probe->job, JOB_CUT);
    pthread_mutex_unlock(&probes->lock);
}

void probes_free(struct probes *probes)
{
    if (!probes)
        return;
    while (probes->first) {
        struct probe *probe = probes->first;
        probes->first = probe->next;
        probe_free(probe);
    }
    pthread_cond_destroy(&probes->changed);
    pthread_mutex_destroy(&probes->lock);
    free(probes);
}

static void probe_run(void *context)
{
    struct probe *probe = context;
    struct probes *probes = probe->owner;
    const struct supervisor *supervisor = probes->supervisor;
    json_t *report = NULL;
    enum status s = supervisor->ops->probe(&supervisor->context, probe->key, probe->job,
                                           PROBE_DEADLINE_MS, &report);
    pthread_mutex_lock(&probes->lock);
    probe->status = s;
    if (s == STATUS_OK)
        probe->report = report;
    else
        probe->why = *status_last();
    probe->ended_at = clock_mono_ms();
    probe->ended = true;
    pthread_cond_broadcast(&probes->changed);
    pthread_mutex_unlock(&probes->lock);
}

// The lock is held.
static void unlink_probe(struct probes *probes, const struct probe *probe)
{
    struct probe **at = &probes->first;
    while (*at != probe)
        at = &(*at)->next;
    *at = probe->next;
}

static void forget_old(struct probes *probes)
{
    int64_t now = clock_mono_ms();
    for (struct probe *probe = probes->first, *next; probe; probe = next) {
        next = probe->next;
        if (probe->ended && now - probe->ended_at > PROBE_FORGET_MS) {
            unlink_probe(probes, probe);
            probe_free(probe);
        }
    }
}

static enum status probe_start(struct probes *probes, registry_key key, struct probe **out)
{
    char object[48];
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return status_no_memory("a probe");
    probe->owner = probes;
    probe->key = key;
    enum status s = job_new(&probe->job);
    snprintf(object, sizeof object, "relationship %u", key);
    if (s == STATUS_OK)
        s = workers_start(probes->supervisor->workers, "a probe of a replica", object, probe_run,
                          probe);
    if (s != STATUS_OK) {
        probe_free(probe);
        return s;
    }
    probe->next = probes->first;
    probes->first = probe;
    *out = probe;
    return STATUS_OK;
}

static enum status take_outcome(struct probes *probes, struct probe *probe, json_t **report)
{
    enum status s = probe->status;
    unlink_probe(probes, probe);
    if (s == STATUS_OK) {
        *report = json_incref(probe->report);
        s = js_put_bool(*report, "Ready", true);
        if (s != STATUS_OK)
            json_decref(*report);
    } else {
        status_restore(&probe->why);
    }
    probe_free(probe);
    return s;
}

enum status probes_ask(struct probes *probes, registry_key key, json_t **report)
{
    int64_t deadline = clock_mono_ms() + PROBE_ANSWER_MS;
    int64_t left;
    enum status s = STATUS_OK;
    pthread_mutex_lock(&probes->lock);
    forget_old(probes);
    struct probe *probe = probes->first;
    while (probe && probe->key != key)
        probe = probe->next;
    if (!probe)
        s = probes->shut ? status_fail(STATUS_UNAVAILABLE, 0, "The service is stopping.")
                         : probe_start(probes, key, &probe);
    // Another request may take the outcome meanwhile, so the probe is looked for again each time.
    bool ended = probe && probe->ended;
    while (s == STATUS_OK && probe && !ended && (left = deadline - clock_mono_ms()) > 0) {
        thread_cond_wait_ms(&probes->changed, &probes->lock, (uint32_t)left);
        probe = probes->first;
        while (probe && probe->key != key)
            probe = probe->next;
        ended = probe && probe->ended;
    }
    if (s == STATUS_OK && ended)
        s = take_outcome(probes, probe, report);
    else if (s == STATUS_OK && !(*report = json_pack("{s:b}", "Ready", 0)))
        s = status_no_memory("a report");
    pthread_mutex_unlock(&probes->lock);
    return s;
}
