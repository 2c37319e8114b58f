#include "ps/client/ctl/console.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 80

static struct {
    void (*handler)(void *context);
    void *context;
} interrupt;

static void *wait_for_interrupt(void *unused)
{
    (void)unused;
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    while (sigwait(&set, &number) == 0)
        interrupt.handler(interrupt.context);
    return NULL;
}

enum status console_catch_interrupt(void (*handler)(void *context), void *context)
{
    sigset_t set;
    pthread_t thread;
    interrupt.handler = handler;
    interrupt.context = context;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (error == 0)
        error = pthread_create(&thread, NULL, wait_for_interrupt, NULL);
    if (error != 0)
        return status_fail_errno(error, "Ctrl-C cannot be handled");
    pthread_detach(thread);
    return STATUS_OK;
}

unsigned console_columns(void)
{
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : DEFAULT_COLUMNS;
}

// Every process of this system sees the same names.
enum status console_check_path(const char *path)
{
    (void)path;
    return STATUS_OK;
}
