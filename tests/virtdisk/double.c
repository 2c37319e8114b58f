// The double's state, and its table.
#include "tests/virtdisk/double_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/virtdisk/double.h"

#define FUNCTIONS_MAX 32
#define GUIDS_MAX     256

pthread_mutex_t double_mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
    struct double_handle *handles;
    unsigned broken;
    bool aborts;
    uint32_t step_ms;
    struct {
        const char *name;
        unsigned calls;
    } functions[FUNCTIONS_MAX];
    const char *failing;
    unsigned skip;
    DWORD error;
    const char *preceded;
    void (*act)(void *context);
    void *context;
    struct guid guids[GUIDS_MAX]; // the last ones seen
    unsigned guid_count;
} state;

static unsigned *calls_of(const char *function)
{
    size_t i = 0;
    while (state.functions[i].name && strcmp(state.functions[i].name, function) != 0)
        i++;
    if (i == FUNCTIONS_MAX - 1)
        abort();
    state.functions[i].name = function;
    return &state.functions[i].calls;
}

bool double_enter(const char *function, DWORD *error)
{
    pthread_mutex_lock(&double_mutex);
    (*calls_of(function))++;
    bool preceded = state.preceded && strcmp(state.preceded, function) == 0;
    void (*act)(void *context) = preceded ? state.act : NULL;
    void *context = state.context;
    bool fails = state.failing && strcmp(state.failing, function) == 0 && state.skip-- == 0;
    if (fails) {
        state.failing = NULL;
        *error = state.error;
    }
    pthread_mutex_unlock(&double_mutex);
    if (act)
        act(context);
    return !fails;
}

DWORD double_broken(DWORD error, const char *rule)
{
    pthread_mutex_lock(&double_mutex);
    state.broken++;
    pthread_mutex_unlock(&double_mutex);
    fprintf(stderr, "virtdisk's double: %s (error %lu)\n", rule, error);
    if (state.aborts)
        abort();
    return error;
}

struct double_handle *double_find(HANDLE handle)
{
    pthread_mutex_lock(&double_mutex);
    struct double_handle *h = state.handles;
    while (h && h != handle)
        h = h->next;
    pthread_mutex_unlock(&double_mutex);
    if (!h)
        (void)double_broken(ERROR_INVALID_HANDLE, "no virtual disk has this handle");
    return h;
}

struct double_handle *double_add(void)
{
    struct double_handle *h = calloc(1, sizeof *h);
    if (!h)
        abort();
    pthread_mutex_lock(&double_mutex);
    h->next = state.handles;
    state.handles = h;
    pthread_mutex_unlock(&double_mutex);
    return h;
}

void double_remove(struct double_handle *handle)
{
    pthread_mutex_lock(&double_mutex);
    struct double_handle **at = &state.handles;
    while (*at != handle)
        at = &(*at)->next;
    *at = handle->next;
    pthread_mutex_unlock(&double_mutex);
    free(handle->path);
    free(handle);
}

DWORD double_error(void)
{
    const struct status_details *why = status_last();
    if (why->os_code)
        return why->os_code;
    switch (why->status) {
    case STATUS_INVALID_ARGUMENT:
        return ERROR_INVALID_PARAMETER;
    case STATUS_DAMAGED:
        return ERROR_FILE_CORRUPT;
    case STATUS_UNSUPPORTED:
        return ERROR_NOT_SUPPORTED;
    case STATUS_CANCELLED:
        return ERROR_OPERATION_ABORTED;
    case STATUS_OUT_OF_MEMORY:
        return ERROR_NOT_ENOUGH_MEMORY;
    case STATUS_NO_SPACE:
        return ERROR_DISK_FULL;
    default:
        return ERROR_GEN_FAILURE;
    }
}

bool double_is_new_guid(const struct guid *guid)
{
    pthread_mutex_lock(&double_mutex);
    bool is_new = !guid_is_zero(guid);
    for (unsigned i = 0; i < GUIDS_MAX && i < state.guid_count; i++)
        is_new = is_new && !guid_equal(&state.guids[i], guid);
    state.guids[state.guid_count++ % GUIDS_MAX] = *guid;
    pthread_mutex_unlock(&double_mutex);
    return is_new;
}

uint32_t double_step_ms(void)
{
    pthread_mutex_lock(&double_mutex);
    uint32_t ms = state.step_ms;
    pthread_mutex_unlock(&double_mutex);
    return ms;
}

void double_abort_when_broken(void)
{
    state.aborts = true;
}

unsigned double_broken_rules(void)
{
    pthread_mutex_lock(&double_mutex);
    unsigned broken = state.broken;
    pthread_mutex_unlock(&double_mutex);
    return broken;
}

void double_forget_broken_rules(void)
{
    pthread_mutex_lock(&double_mutex);
    state.broken = 0;
    pthread_mutex_unlock(&double_mutex);
}

unsigned double_open_handles(void)
{
    unsigned count = 0;
    pthread_mutex_lock(&double_mutex);
    for (struct double_handle *h = state.handles; h; h = h->next)
        count++;
    pthread_mutex_unlock(&double_mutex);
    return count;
}

void double_fail(const char *function, unsigned skip, uint32_t error)
{
    pthread_mutex_lock(&double_mutex);
    state.failing = function;
    state.skip = skip;
    state.error = error;
    pthread_mutex_unlock(&double_mutex);
}

void double_before(const char *function, void (*act)(void *context), void *context)
{
    pthread_mutex_lock(&double_mutex);
    state.preceded = function;
    state.act = act;
    state.context = context;
    pthread_mutex_unlock(&double_mutex);
}

unsigned double_calls(const char *function)
{
    pthread_mutex_lock(&double_mutex);
    unsigned calls = *calls_of(function);
    pthread_mutex_unlock(&double_mutex);
    return calls;
}

void double_slow_down(uint32_t ms)
{
    pthread_mutex_lock(&double_mutex);
    state.step_ms = ms;
    pthread_mutex_unlock(&double_mutex);
}

enum status virtdisk_provider(const struct virtdisk_api **out)
{
    static const struct virtdisk_api table = {
        .OpenVirtualDisk = double_open,
        .CreateVirtualDisk = double_create,
        .AttachVirtualDisk = double_attach,
        .GetVirtualDiskInformation = double_get_info,
        .SetVirtualDiskInformation = double_set_info,
        .MergeVirtualDisk = double_merge,
        .ResizeVirtualDisk = double_resize,
        .CompactVirtualDisk = double_compact,
        .GetVirtualDiskOperationProgress = double_progress,
        .QueryChangesVirtualDisk = double_query_changes,
        .ReadFile = double_read,
        .WriteFile = double_write,
        .FlushFileBuffers = double_flush,
        .GetOverlappedResult = double_result,
        .CancelIoEx = double_cancel,
        .CloseHandle = double_close,
    };
    *out = &table;
    return STATUS_OK;
}
