#include "service/host/host.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/os.h"

// Tells systemd how far we are; there is nobody to tell when NOTIFY_SOCKET is not set.
static void notify(const char *message)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = name ? strlen(name) : 0;
    if (length < 2 || length >= sizeof address.sun_path || (name[0] != '/' && name[0] != '@'))
        return;
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0'; // an abstract name
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    ssize_t ignored =
        sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    (void)ignored;
    close(fd);
}

// Blocks the signals that end the service, for all threads to come: this thread waits for them.
static void block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN); // a peer or a terminal that is gone is a failed write
}

// Frames are allocated in one thread and freed in another, many megabytes a second: without this
// the library gives memory back and asks for it again all the time.
static void keep_memory(void)
{
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TOP_PAD, 8 << 20);
    mallopt(M_TRIM_THRESHOLD, 32 << 20);
}

static void more_time(void *context)
{
    (void)context;
    notify("EXTEND_TIMEOUT_USEC=5000000");
}

static enum status run(const struct service_options *options)
{
    sigset_t set;
    struct service *service;
    int number;
    keep_memory();
    block_signals(&set);
    enum status s = host_start(options, &service);
    if (s != STATUS_OK)
        return s;
    notify("READY=1");
    if (options->echo_events)
        os_print(false, "VRep is serving. Ctrl-C stops it.\n");
    while (sigwait(&set, &number) != 0) {
    }
    notify("STOPPING=1");
    service_stop(service, more_time, NULL);
    return STATUS_OK;
}

enum status host_run_console(const struct service_options *options)
{
    return run(options);
}

enum status host_run_service(const struct service_options *options)
{
    return run(options);
}
