#include "service/control/server.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "service/control/connection.h"
#include "service/control/endpoint.h"

#define ACCEPT_PAUSE_MS 100  // after a failure that may pass (memory, handles)
#define STOP_MS         2000 // a request is answered within this

// A thread of the pool: made when it is first needed, kept until the end.
struct worker {
    struct control_server *server;
    pthread_t thread;
    bool started;
    struct channel *channel; // the client that it serves; NULL: it is free
};

struct control_server {
    struct endpoint *endpoint;
    control_handler handler;
    void *context;
    pthread_t acceptor;
    pthread_mutex_t mutex; // all below
    pthread_cond_t changed;
    bool stopping;
    unsigned running; // workers that have not ended
    struct worker worker[CONTROL_CLIENTS_MAX];
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct control_server *server = worker->server;
    pthread_mutex_lock(&server->mutex);
    for (;;) {
        while (!worker->channel && !server->stopping)
            pthread_cond_wait(&server->changed, &server->mutex);
        if (!worker->channel)
            break;
        pthread_mutex_unlock(&server->mutex);
        connection_serve(worker->channel, server->handler, server->context);
        pthread_mutex_lock(&server->mutex);
        channel_close(worker->channel);
        worker->channel = NULL;
        pthread_cond_broadcast(&server->changed);
    }
    server->running--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    return NULL;
}

// A worker without a client, its thread running; NULL: there is none. The mutex is held.
static struct worker *free_worker(struct control_server *server)
{
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        struct worker *worker = &server->worker[i];
        if (worker->channel)
            continue;
        if (!worker->started) {
            worker->server = server;
            if (pthread_create(&worker->thread, NULL, work, worker) != 0)
                return NULL;
            worker->started = true;
            server->running++;
        }
        return worker;
    }
    return NULL;
}

// Waits until a worker is free; NULL: the server is stopping. The mutex is held.
static struct worker *wait_for_worker(struct control_server *server)
{
    while (!server->stopping) {
        struct worker *worker = free_worker(server);
        if (worker)
            return worker;
        thread_cond_wait_ms(&server->changed, &server->mutex, ACCEPT_PAUSE_MS);
    }
    return NULL;
}

static void *accept_clients(void *argument)
{
    struct control_server *server = argument;
    for (;;) {
        struct channel *channel;
        enum status s = endpoint_accept(server->endpoint, &channel);
        if (s == STATUS_CANCELLED)
            return NULL;
        if (s != STATUS_OK) {
            clock_sleep_ms(ACCEPT_PAUSE_MS);
            continue;
        }
        pthread_mutex_lock(&server->mutex);
        struct worker *worker = wait_for_worker(server);
        if (worker) {
            worker->channel = channel;
            pthread_cond_broadcast(&server->changed);
        }
        pthread_mutex_unlock(&server->mutex);
        if (!worker) {
            channel_close(channel);
            return NULL;
        }
    }
}

static void free_server(struct control_server *server)
{
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}

enum status control_server_start(const char *instance, control_handler handler, void *context,
                                 struct control_server **out)
{
    struct control_server *server = calloc(1, sizeof *server);
    if (!server)
        return status_no_memory("the control server");
    if (thread_cond_init(&server->changed) != 0) {
        free(server);
        return status_no_memory("the control server");
    }
    pthread_mutex_init(&server->mutex, NULL);
    server->handler = handler;
    server->context = context;
    enum status s = endpoint_open(instance, &server->endpoint);
    if (s == STATUS_OK) {
        int error = pthread_create(&server->acceptor, NULL, accept_clients, server);
        if (error != 0) {
            endpoint_close(server->endpoint);
            s = status_fail_errno(error, "The control server's thread cannot be started");
        }
    }
    if (s == STATUS_OK)
        *out = server;
    else
        free_server(server);
    return s;
}

void control_server_stop(struct control_server *server)
{
    endpoint_interrupt(server->endpoint);
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (server->worker[i].channel)
            channel_interrupt(server->worker[i].channel);
    }
    pthread_cond_broadcast(&server->changed);
    int64_t end = clock_mono_ms() + STOP_MS;
    while (server->running > 0 && clock_mono_ms() < end)
        thread_cond_wait_ms(&server->changed, &server->mutex, (uint32_t)(end - clock_mono_ms()));
    bool ended = server->running == 0;
    pthread_mutex_unlock(&server->mutex);
    pthread_join(server->acceptor, NULL);
    endpoint_close(server->endpoint);
    // A handler that does not return keeps its thread, and with it the server's memory; the process
    // ends soon.
    for (unsigned i = 0; i < CONTROL_CLIENTS_MAX && ended; i++) {
        if (server->worker[i].started)
            pthread_join(server->worker[i].thread, NULL);
    }
    if (ended)
        free_server(server);
}
