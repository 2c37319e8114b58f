#include "service/control/endpoint.h"

#include <windows.h>
#include <sddl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/control_name.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "service/control/server.h"
#include "service/control/token_win32.h"

// Who may open the pipe. P: nothing is inherited.
static const WCHAR pipe_sddl[] =
    L"D:P"
    L"(A;;GA;;;SY)"  // SYSTEM: the service itself; creates further instances
    L"(A;;GA;;;BA)"; // Administrators: clients, and the service in a console
                     // and nobody else: no right to read, write or create an instance

#define PIPE_BUFFER   65536
#define INSTANCES_MAX (CONTROL_CLIENTS_MAX + 1) // one waits for the next client

struct endpoint {
    WCHAR *name;
    PSECURITY_DESCRIPTOR security;
    HANDLE next;      // the instance that waits for a client; INVALID_HANDLE_VALUE: to be created
    HANDLE connected; // event of ConnectNamedPipe
    HANDLE stop;      // event
};

struct channel {
    HANDLE pipe;
    HANDLE done;        // event of the present read or write; one thread reads and writes
    HANDLE interrupted; // event
};

static enum status create_instance(struct endpoint *endpoint, DWORD first)
{
    SECURITY_ATTRIBUTES attributes = {sizeof attributes, endpoint->security, FALSE};
    endpoint->next = CreateNamedPipeW(
        endpoint->name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
        PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT | PIPE_REJECT_REMOTE_CLIENTS, INSTANCES_MAX,
        PIPE_BUFFER, PIPE_BUFFER, 0, &attributes);
    if (endpoint->next == INVALID_HANDLE_VALUE)
        return status_fail_win32(GetLastError(), "The control pipe '%ls' cannot be created",
                                 endpoint->name);
    return STATUS_OK;
}

static enum status create_first(struct endpoint *endpoint)
{
    // FILE_FLAG_FIRST_PIPE_INSTANCE decides, and answers "access denied"; a look beforehand tells
    // the reason apart.
    bool taken = WaitNamedPipeW(endpoint->name, 1) || GetLastError() == ERROR_SEM_TIMEOUT;
    enum status s =
        taken ? STATUS_IN_USE : create_instance(endpoint, FILE_FLAG_FIRST_PIPE_INSTANCE);
    if (s == STATUS_OK)
        return s;
    if (taken || s == STATUS_ACCESS_DENIED) {
        status_fail(STATUS_IN_USE, 0, "Another process has the control pipe '%ls'.",
                    endpoint->name);
        status_advise(0, "Stop that service, or start this one with another --instance.");
    }
    return status_last()->status;
}

enum status endpoint_open(const char *instance, struct endpoint **out)
{
    struct endpoint *endpoint = calloc(1, sizeof *endpoint);
    char *name = NULL;
    if (!endpoint)
        return status_no_memory("the control pipe");
    endpoint->next = INVALID_HANDLE_VALUE;
    enum status s = control_name(instance, &name);
    if (s == STATUS_OK) {
        endpoint->name = (WCHAR *)utf8_to_utf16(name, strlen(name), NULL);
        endpoint->connected = CreateEventW(NULL, TRUE, FALSE, NULL);
        endpoint->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
        if (!endpoint->name || !endpoint->connected || !endpoint->stop)
            s = status_no_memory("the control pipe");
    }
    if (s == STATUS_OK && !ConvertStringSecurityDescriptorToSecurityDescriptorW(
                              pipe_sddl, SDDL_REVISION_1, &endpoint->security, NULL))
        s = status_fail_win32(GetLastError(), "The control pipe's rights cannot be made");
    if (s == STATUS_OK)
        s = create_first(endpoint);
    free(name);
    if (s == STATUS_OK)
        *out = endpoint;
    else
        endpoint_close(endpoint);
    return s;
}

// Waits until the waiting instance has a client.
static enum status connect_next(struct endpoint *endpoint)
{
    OVERLAPPED operation = {.hEvent = endpoint->connected};
    if (ConnectNamedPipe(endpoint->next, &operation))
        return STATUS_OK;
    DWORD error = GetLastError();
    if (error == ERROR_PIPE_CONNECTED)
        return STATUS_OK;
    if (error == ERROR_IO_PENDING) {
        HANDLE wait[2] = {endpoint->stop, endpoint->connected};
        DWORD ignored;
        if (WaitForMultipleObjects(2, wait, FALSE, INFINITE) == WAIT_OBJECT_0) {
            CancelIoEx(endpoint->next, &operation);
            GetOverlappedResult(endpoint->next, &operation, &ignored, TRUE);
            return status_fail(STATUS_CANCELLED, 0, "The control server is stopping.");
        }
        if (GetOverlappedResult(endpoint->next, &operation, &ignored, TRUE))
            return STATUS_OK;
        error = GetLastError();
    }
    DisconnectNamedPipe(endpoint->next); // a client that came and went
    return status_fail_win32(error, "A connection to the control pipe failed");
}

static enum status channel_new(HANDLE pipe, struct channel **out)
{
    struct channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return status_no_memory("a control connection");
    channel->pipe = pipe;
    channel->done = CreateEventW(NULL, TRUE, FALSE, NULL);
    channel->interrupted = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (!channel->done || !channel->interrupted) {
        channel->pipe = NULL;
        channel_close(channel);
        return status_no_memory("a control connection");
    }
    *out = channel;
    return STATUS_OK;
}

enum status endpoint_accept(struct endpoint *endpoint, struct channel **out)
{
    if (WaitForSingleObject(endpoint->stop, 0) == WAIT_OBJECT_0)
        return status_fail(STATUS_CANCELLED, 0, "The control server is stopping.");
    enum status s = STATUS_OK;
    if (endpoint->next == INVALID_HANDLE_VALUE)
        s = create_instance(endpoint, 0);
    if (s == STATUS_OK)
        s = connect_next(endpoint);
    if (s != STATUS_OK)
        return s;
    HANDLE pipe = endpoint->next;
    // Before the client is served: at no time is the name free for somebody else. A failure is met
    // with the next call.
    if (create_instance(endpoint, 0) != STATUS_OK)
        endpoint->next = INVALID_HANDLE_VALUE;
    s = channel_new(pipe, out);
    if (s != STATUS_OK)
        CloseHandle(pipe);
    return s;
}

void endpoint_interrupt(struct endpoint *endpoint)
{
    SetEvent(endpoint->stop);
}

static void close_if_open(HANDLE handle)
{
    if (handle && handle != INVALID_HANDLE_VALUE)
        CloseHandle(handle);
}

void endpoint_close(struct endpoint *endpoint)
{
    close_if_open(endpoint->next);
    close_if_open(endpoint->connected);
    close_if_open(endpoint->stop);
    LocalFree(endpoint->security);
    free(endpoint->name);
    free(endpoint);
}

// Ends a read or write that was begun: waits for it, for `also` (may be NULL) and for the deadline.
// 0, or the code of the failure; WAIT_TIMEOUT; ERROR_OPERATION_ABORTED when `also` ended the wait.
static DWORD finish(struct channel *channel, OVERLAPPED *operation, BOOL begun, HANDLE also,
                    DWORD deadline_ms, DWORD *moved)
{
    DWORD error = 0;
    if (!begun) {
        error = GetLastError();
        if (error != ERROR_IO_PENDING)
            return error;
        HANDLE wait[2] = {channel->done, also};
        DWORD woken = WaitForMultipleObjects(also ? 2 : 1, wait, FALSE, deadline_ms);
        error = 0;
        if (woken != WAIT_OBJECT_0) {
            error = woken == WAIT_TIMEOUT ? WAIT_TIMEOUT : ERROR_OPERATION_ABORTED;
            CancelIoEx(channel->pipe, operation);
        }
    }
    // A cancelled operation may have been done all the same.
    if (GetOverlappedResult(channel->pipe, operation, moved, TRUE))
        return 0;
    return error ? error : GetLastError();
}

enum status channel_receive(struct channel *channel, void *data, size_t size, uint32_t deadline_ms,
                            size_t *got)
{
    OVERLAPPED operation = {.hEvent = channel->done};
    DWORD moved = 0;
    *got = 0;
    if (WaitForSingleObject(channel->interrupted, 0) == WAIT_OBJECT_0)
        return STATUS_OK;
    BOOL begun = ReadFile(channel->pipe, data, (DWORD)size, NULL, &operation);
    DWORD error = finish(channel, &operation, begun, channel->interrupted, deadline_ms, &moved);
    if (error == WAIT_TIMEOUT)
        return status_fail(STATUS_TIMEOUT, 0, "The client sent nothing for %u ms.", deadline_ms);
    *got = error == 0 ? moved : 0; // a broken pipe is a client that is gone
    return STATUS_OK;
}

enum status channel_send(struct channel *channel, const void *data, size_t size,
                         uint32_t deadline_ms)
{
    ULONGLONG deadline = GetTickCount64() + deadline_ms;
    size_t sent = 0;
    while (sent < size) {
        OVERLAPPED operation = {.hEvent = channel->done};
        DWORD moved = 0;
        size_t part = size - sent < PIPE_BUFFER ? size - sent : PIPE_BUFFER;
        ULONGLONG now = GetTickCount64();
        BOOL begun =
            WriteFile(channel->pipe, (const char *)data + sent, (DWORD)part, NULL, &operation);
        DWORD error = finish(channel, &operation, begun, NULL,
                             now < deadline ? (DWORD)(deadline - now) : 0, &moved);
        if (error == WAIT_TIMEOUT)
            return status_fail(STATUS_TIMEOUT, 0, "The client took no answer for %u ms.",
                               deadline_ms);
        if (error != 0)
            return status_fail(STATUS_CONNECTION, error, "The client is gone.");
        sent += moved;
    }
    return STATUS_OK;
}

enum status channel_authorize(struct channel *channel, char **account)
{
    HANDLE token = NULL;
    if (!ImpersonateNamedPipeClient(channel->pipe))
        return status_fail_win32(GetLastError(), "The caller cannot be identified");
    BOOL opened = OpenThreadToken(GetCurrentThread(), TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, &token);
    DWORD error = GetLastError();
    if (!RevertToSelf())
        abort(); // going on with somebody else's rights is never safe
    if (!opened)
        return status_fail_win32(error, "The caller's token cannot be opened");
    enum status s = control_token_check(token);
    if (s == STATUS_OK)
        s = control_token_account(token, account);
    CloseHandle(token);
    return s;
}

void channel_interrupt(struct channel *channel)
{
    SetEvent(channel->interrupted);
}

void channel_close(struct channel *channel)
{
    close_if_open(channel->pipe);
    close_if_open(channel->done);
    close_if_open(channel->interrupted);
    free(channel);
}
