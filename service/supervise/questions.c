#include "service/supervise/questions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/thread.h"

#define QUESTIONS_MAX        64 // asked at once
#define QUESTION_DEADLINE_MS 15000
#define QUESTION_ANSWER_MS   1500  // a request waits so long for an answer
#define QUESTION_FORGET_MS   60000 // an outcome that nobody asked for is forgotten after this

struct pending_question {
    struct pending_question *next;
    struct questions *owner;
    struct question question;
    struct job *job;
    bool ended;
    int64_t ended_at;
    enum status status;
    struct status_details why;
    json_t *report;
};

struct questions {
    struct supervisor *supervisor;
    pthread_mutex_t lock; // guards the list and `ended`
    pthread_cond_t changed;
    struct pending_question *first;
    bool shut;
};

enum status questions_new(struct supervisor *supervisor, struct questions **out)
{
    struct questions *questions = calloc(1, sizeof *questions);
    if (!questions)
        return status_no_memory("the list of questions");
    questions->supervisor = supervisor;
    pthread_mutex_init(&questions->lock, NULL);
    thread_cond_init(&questions->changed);
    *out = questions;
    return STATUS_OK;
}

static void question_free(struct pending_question *asked)
{
    json_decref(asked->report);
    job_free(asked->job);
    free(asked);
}

void questions_shut(struct questions *questions)
{
    pthread_mutex_lock(&questions->lock);
    questions->shut = true;
    for (struct pending_question *asked = questions->first; asked; asked = asked->next)
        job_give_order(asked->job, JOB_CUT);
    pthread_mutex_unlock(&questions->lock);
}

void questions_free(struct questions *questions)
{
    if (!questions)
        return;
    while (questions->first) {
        struct pending_question *asked = questions->first;
        questions->first = asked->next;
        question_free(asked);
    }
    pthread_cond_destroy(&questions->changed);
    pthread_mutex_destroy(&questions->lock);
    free(questions);
}

static void question_run(void *context)
{
    struct pending_question *asked = context;
    struct questions *questions = asked->owner;
    const struct supervisor *supervisor = questions->supervisor;
    json_t *report = NULL;
    enum status s = supervisor->ops->ask(&supervisor->context, &asked->question, asked->job,
                                         QUESTION_DEADLINE_MS, &report);
    pthread_mutex_lock(&questions->lock);
    asked->status = s;
    if (s == STATUS_OK)
        asked->report = report;
    else
        asked->why = *status_last();
    asked->ended_at = clock_mono_ms();
    asked->ended = true;
    pthread_cond_broadcast(&questions->changed);
    pthread_mutex_unlock(&questions->lock);
}

// The lock is held.
static void unlink_question(struct questions *questions, const struct pending_question *asked)
{
    struct pending_question **at = &questions->first;
    while (*at != asked)
        at = &(*at)->next;
    *at = asked->next;
}

static void forget_old(struct questions *questions)
{
    int64_t now = clock_mono_ms();
    for (struct pending_question *asked = questions->first, *next; asked; asked = next) {
        next = asked->next;
        if (asked->ended && now - asked->ended_at > QUESTION_FORGET_MS) {
            unlink_question(questions, asked);
            question_free(asked);
        }
    }
}

static enum status question_start(struct questions *questions, const struct question *question,
                                  struct pending_question **out)
{
    char object[QUESTION_HOST_MAX + 48];
    struct pending_question *asked = calloc(1, sizeof *asked);
    if (!asked)
        return status_no_memory("a question");
    asked->owner = questions;
    asked->question = *question;
    enum status s = job_new(&asked->job);
    if (question->key)
        snprintf(object, sizeof object, "relationship %u", question->key);
    else
        snprintf(object, sizeof object, "%s port %u", question->server, question->port);
    if (s == STATUS_OK)
        s = workers_start(questions->supervisor->workers, "a question to a replica", object,
                          question_run, asked);
    if (s != STATUS_OK) {
        question_free(asked);
        return s;
    }
    asked->next = questions->first;
    questions->first = asked;
    *out = asked;
    return STATUS_OK;
}

static enum status take_outcome(struct questions *questions, struct pending_question *asked,
                                json_t **report)
{
    enum status s = asked->status;
    unlink_question(questions, asked);
    if (s == STATUS_OK) {
        *report = json_incref(asked->report);
        s = js_put_bool(*report, "Ready", true);
        if (s != STATUS_OK)
            json_decref(*report);
    } else {
        status_restore(&asked->why);
    }
    question_free(asked);
    return s;
}

static bool same_question(const struct question *a, const struct question *b)
{
    return a->kind == b->kind && a->key == b->key && a->port == b->port &&
           a->overwrite_replica == b->overwrite_replica && a->start_time == b->start_time &&
           strcmp(a->server, b->server) == 0;
}

// The lock is held. NULL: it is not being asked.
static struct pending_question *find_question(const struct questions *questions,
                                              const struct question *question)
{
    struct pending_question *asked = questions->first;
    while (asked && !same_question(&asked->question, question))
        asked = asked->next;
    return asked;
}

// The lock is held.
static enum status begin_asking(struct questions *questions, const struct question *question,
                                struct pending_question **out)
{
    unsigned count = 0;
    for (const struct pending_question *asked = questions->first; asked; asked = asked->next)
        count++;
    if (questions->shut)
        return status_fail(STATUS_UNAVAILABLE, 0, "The service is stopping.");
    if (count >= QUESTIONS_MAX)
        return status_fail(STATUS_IN_USE, 0,
                           "The service is asking %d replica servers already; try again later.",
                           QUESTIONS_MAX);
    return question_start(questions, question, out);
}

enum status questions_ask(struct questions *questions, const struct question *question,
                          json_t **report)
{
    int64_t deadline = clock_mono_ms() + QUESTION_ANSWER_MS;
    int64_t left;
    enum status s = STATUS_OK;
    pthread_mutex_lock(&questions->lock);
    forget_old(questions);
    struct pending_question *asked = find_question(questions, question);
    if (!asked)
        s = begin_asking(questions, question, &asked);
    // Another request may take the outcome meanwhile, so it is looked for again each time.
    while (s == STATUS_OK && asked && !asked->ended && (left = deadline - clock_mono_ms()) > 0) {
        thread_cond_wait_ms(&questions->changed, &questions->lock, (uint32_t)left);
        asked = find_question(questions, question);
    }
    if (s == STATUS_OK && asked && asked->ended)
        s = take_outcome(questions, asked, report);
    else if (s == STATUS_OK && !(*report = json_pack("{s:b}", "Ready", 0)))
        s = status_no_memory("a report");
    pthread_mutex_unlock(&questions->lock);
    return s;
}
