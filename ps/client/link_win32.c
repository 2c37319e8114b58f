#include "ps/client/link.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os_win32.h"
#include "base/utf.h"

#define PART_MAX     65536 // bytes of one write
#define PIPE_TURN_MS 100 // between two looks for a cancel while all instances of the pipe are busy

struct link {
    char *name;
    WCHAR *wide;
    HANDLE pipe;   // INVALID_HANDLE_VALUE: not connected
    HANDLE done;   // event of the present read or write
    HANDLE cancel; // event
};

enum status link_new(const char *name, struct link **out)
{
    struct link *t = calloc(1, sizeof *t);
    if (!t)
        return status_no_memory("the connection to the service");
    t->pipe = INVALID_HANDLE_VALUE;
    t->name = strdup(name);
    t->wide = (WCHAR *)utf8_to_utf16(name, strlen(name), NULL);
    t->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    t->cancel = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!t->name || !t->wide || !t->done || !t->cancel) {
        link_free(t);
        return status_no_memory("the connection to the service");
    }
    *out = t;
    return STATUS_OK;
}

void link_free(struct link *t)
{
    if (!t)
        return;
    link_disconnect(t);
    if (t->done)
        CloseHandle(t->done);
    if (t->cancel)
        CloseHandle(t->cancel);
    free(t->name);
    free(t->wide);
    free(t);
}

void link_disconnect(struct link *t)
{
    if (t->pipe != INVALID_HANDLE_VALUE)
        CloseHandle(t->pipe);
    t->pipe = INVALID_HANDLE_VALUE;
}

static enum status cancelled(void)
{
    return status_fail(STATUS_CANCELLED, 0, "The request was cancelled by its caller.");
}

static enum status connect_failed(struct link *t, DWORD error)
{
    if (error == ERROR_FILE_NOT_FOUND) {
        status_fail(STATUS_UNAVAILABLE, error, "The VRep service is not running: there is no '%s'.",
                    t->name);
        return status_advise(0, "Start it, or name the right one with --instance.");
    }
    enum status s = status_fail_win32(error, "The control pipe '%s' cannot be opened", t->name);
    if (s == STATUS_ACCESS_DENIED)
        return status_advise(0, "Run the command as an administrator, elevated.");
    return s;
}

enum status link_connect(struct link *t, uint32_t deadline_ms)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    link_disconnect(t);
    for (;;) {
        // The service may learn who we are, but not act as us.
        t->pipe = CreateFileW(
            t->wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
            FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
        if (t->pipe != INVALID_HANDLE_VALUE)
            return STATUS_OK;
        DWORD error = GetLastError();
        if (error != ERROR_PIPE_BUSY)
            return connect_failed(t, error);
        if (WaitForSingleObject(t->cancel, 0) == WAIT_OBJECT_0)
            return cancelled();
        if (clock_mono_ms() >= deadline)
            return status_fail(STATUS_TIMEOUT, error,
                               "The service took no connection within %u ms.", deadline_ms);
        WaitNamedPipeW(t->wide, PIPE_TURN_MS);
    }
}

bool link_is_connected(struct link *t)
{
    DWORD available = 0;
    // The service says nothing unasked, so that bytes are left-overs of a broken exchange.
    return t->pipe != INVALID_HANDLE_VALUE &&
           PeekNamedPipe(t->pipe, NULL, 0, NULL, &available, NULL) && available == 0;
}

// Ends a read or write that was begun.
static enum status finish(struct link *t, OVERLAPPED *operation, BOOL begun, int64_t deadline,
                          size_t *moved)
{
    DWORD error = begun ? 0 : GetLastError();
    DWORD woken = WAIT_OBJECT_0;
    if (error == ERROR_IO_PENDING) {
        HANDLE wait[2] = {t->done, t->cancel};
        int64_t left = deadline - clock_mono_ms();
        error = 0;
        woken = WaitForMultipleObjects(2, wait, FALSE, left > 0 ? (DWORD)left : 0);
        if (woken != WAIT_OBJECT_0)
            CancelIoEx(t->pipe, operation);
    }
    DWORD bytes = 0;
    if (error == 0 && !GetOverlappedResult(t->pipe, operation, &bytes, TRUE))
        error = GetLastError();
    if (error == 0 && bytes > 0) { // maybe in the moment of the cancel
        *moved = bytes;
        return STATUS_OK;
    }
    if (woken == WAIT_TIMEOUT)
        return status_fail(STATUS_TIMEOUT, 0, "The service did not answer in time.");
    if (woken != WAIT_OBJECT_0)
        return cancelled();
    status_fail_win32(error ? error : ERROR_BROKEN_PIPE, "The connection to the service broke");
    struct status_details broken = *status_last();
    broken.status = STATUS_UNAVAILABLE;
    (void)status_restore(&broken);
    return status_advise(0, "Look whether the VRep service still runs, then try again.");
}

enum status link_send(struct link *t, const void *data, size_t size, uint32_t deadline_ms)
{
    int64_t deadline = clock_mono_ms() + deadline_ms;
    size_t sent = 0;
    enum status s = STATUS_OK;
    while (s == STATUS_OK && sent < size) {
        OVERLAPPED operation = {.hEvent = t->done};
        size_t part = size - sent < PART_MAX ? size - sent : PART_MAX;
        size_t moved = 0;
        BOOL begun = WriteFile(t->pipe, (const char *)data + sent, (DWORD)part, NULL, &operation);
        s = finish(t, &operation, begun, deadline, &moved);
        sent += moved;
    }
    return s;
}

enum status link_receive(struct link *t, void *data, size_t size, uint32_t deadline_ms, size_t *got)
{
    OVERLAPPED operation = {.hEvent = t->done};
    BOOL begun = ReadFile(t->pipe, data, (DWORD)size, NULL, &operation);
    return finish(t, &operation, begun, clock_mono_ms() + deadline_ms, got);
}

enum status link_sleep(struct link *t, uint32_t ms)
{
    return WaitForSingleObject(t->cancel, ms) == WAIT_OBJECT_0 ? cancelled() : STATUS_OK;
}

void link_cancel(struct link *t)
{
    SetEvent(t->cancel);
}

void link_clear_cancel(struct link *t)
{
    ResetEvent(t->cancel);
}
