#include "service/monitor/metrics_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/os.h"
#include "base/thread.h"
#include "service/vm_events.h"

#define DEED_MS 6000 // a folder that has not answered within this is left alone until it does

struct metrics_file {
    struct supervisor *supervisor;
    metrics_source source;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool shut, soon;
    bool blocked; // a deed that nobody waits for any more has not ended
    struct metrics_file_state state;
    // Only the writer's thread uses these.
    char *path;  // of the file that may be there; NULL: none is
    bool failed; // 50060 was raised and 50061 not yet
};

// What may block: one file is written or removed, in a thread of its own.
struct deed {
    struct metrics_file *file;
    char *path;
    struct buffer text; // empty: the file is removed
    enum status status;
    struct status_details why;
};

static void deed_free(struct deed *deed)
{
    free(deed->path);
    buffer_free(&deed->text);
    free(deed);
}

static void deed_run(void *context)
{
    struct deed *deed = context;
    deed->status = deed->text.size > 0
                       ? os_publish_file(deed->path, deed->text.data, deed->text.size)
                       : os_remove_file(deed->path);
    deed->why = *status_last();
}

// Called in the deed's thread when nobody waited for it any more.
static void deed_drop(void *context)
{
    struct deed *deed = context;
    pthread_mutex_lock(&deed->file->lock);
    deed->file->blocked = false;
    pthread_mutex_unlock(&deed->file->lock);
    deed_free(deed);
}

// Takes over `text`, which is empty for a removal.
static enum status carry_out(struct metrics_file *file, const char *path, struct buffer *text)
{
    bool finished = true;
    struct deed *deed = calloc(1, sizeof *deed);
    if (!deed || !(deed->path = strdup(path))) {
        free(deed);
        return status_no_memory("a file of metrics");
    }
    deed->file = file;
    deed->text = *text;
    *text = (struct buffer){0};
    pthread_mutex_lock(&file->lock);
    file->blocked = true; // so that deed_drop cannot come first
    pthread_mutex_unlock(&file->lock);
    enum status s = workers_call(file->supervisor->workers, "a file of metrics", path, deed_run,
                                 deed_drop, deed, DEED_MS, &finished);
    if (s == STATUS_OK && !finished)
        return status_fail(STATUS_TIMEOUT, 0, "The folder has not answered within %d ms.", DEED_MS);
    pthread_mutex_lock(&file->lock);
    file->blocked = false;
    pthread_mutex_unlock(&file->lock);
    if (s == STATUS_OK && deed->status != STATUS_OK)
        s = status_restore(&deed->why);
    deed_free(deed);
    return s;
}

// ---- the writer ----

// The file of the settings; NULL: none is wanted.
static enum status wanted_path(struct metrics_file *file, char **out)
{
    struct supervisor *supervisor = file->supervisor;
    const char *instance = supervisor->context.instance;
    struct buffer name = {0};
    char *folder = NULL;
    pthread_mutex_lock(&supervisor->settings_lock);
    bool wanted = supervisor->settings.metrics_folder != NULL;
    if (wanted)
        folder = strdup(supervisor->settings.metrics_folder);
    pthread_mutex_unlock(&supervisor->settings_lock);
    *out = NULL;
    if (!wanted)
        return STATUS_OK;
    enum status s =
        buffer_printf(&name, "vrep%s%s.prom", instance ? "$" : "", instance ? instance : "");
    if (s == STATUS_OK && folder)
        *out = os_path_join(folder, (const char *)name.data);
    buffer_free(&name);
    free(folder);
    return *out ? STATUS_OK : status_no_memory("a path");
}

static enum status write_file(struct metrics_file *file, const char *path)
{
    struct buffer text = {0};
    enum status s = file->source(file->supervisor, &text);
    if (s == STATUS_OK)
        s = carry_out(file, path, &text);
    buffer_free(&text);
    return s;
}

static void remove_file(struct metrics_file *file)
{
    struct buffer nothing = {0};
    if (file->path)
        (void)carry_out(file, file->path, &nothing); // if it stays, collectors tell that it is old
    free(file->path);
    file->path = NULL;
}

// What came of writing `path`: for status, and the first of its kind for the log.
static void tell(struct metrics_file *file, const char *path, enum status s)
{
    const struct service_context *context = &file->supervisor->context;
    const struct status_details why = *status_last();
    pthread_mutex_lock(&file->lock);
    file->state.why = (struct status_details){.status = STATUS_OK};
    if (s == STATUS_OK)
        file->state.last_write = clock_wall_ms();
    else
        file->state.why = why;
    pthread_mutex_unlock(&file->lock);
    if (s != STATUS_OK && !file->failed)
        EventWriteMetricsNotWritten(context->events, path, why.message, event_code(&why));
    if (s == STATUS_OK && file->failed)
        EventWriteMetricsWrittenAgain(context->events, path);
    file->failed = s != STATUS_OK;
}

static void forget_failure(struct metrics_file *file)
{
    pthread_mutex_lock(&file->lock);
    file->state = (struct metrics_file_state){.why.status = STATUS_OK};
    pthread_mutex_unlock(&file->lock);
    file->failed = false;
}

static bool is_blocked(struct metrics_file *file)
{
    pthread_mutex_lock(&file->lock);
    bool blocked = file->blocked;
    pthread_mutex_unlock(&file->lock);
    return blocked;
}

static void renew(struct metrics_file *file)
{
    char *path;
    if (is_blocked(file) || wanted_path(file, &path) != STATUS_OK)
        return;
    if (!path || (file->path && strcmp(path, file->path) != 0)) {
        forget_failure(file);
        remove_file(file);
    }
    if (path) {
        tell(file, path, write_file(file, path));
        free(file->path);
        file->path = path;
    }
}

static int64_t interval_ms(struct supervisor *supervisor)
{
    pthread_mutex_lock(&supervisor->settings_lock);
    unsigned seconds = supervisor->settings.metrics_interval_s;
    pthread_mutex_unlock(&supervisor->settings_lock);
    return seconds * 1000ll;
}

// False: the writer is to end.
static bool wait_until(struct metrics_file *file, int64_t next)
{
    int64_t left;
    pthread_mutex_lock(&file->lock);
    while (!file->shut && !file->soon && (left = next - clock_mono_ms()) > 0)
        thread_cond_wait_ms(&file->wake, &file->lock, (uint32_t)left);
    file->soon = false;
    bool goes_on = !file->shut;
    pthread_mutex_unlock(&file->lock);
    return goes_on;
}

static void run(void *context)
{
    struct metrics_file *file = context;
    int64_t next;
    do {
        next = clock_mono_ms() + interval_ms(file->supervisor);
        renew(file);
    } while (wait_until(file, next));
    if (!is_blocked(file))
        remove_file(file);
}

// ---- the door ----

enum status metrics_file_new(struct supervisor *supervisor, metrics_source source,
                             struct metrics_file **out)
{
    struct metrics_file *file = calloc(1, sizeof *file);
    if (!file)
        return status_no_memory("the writer of metrics");
    file->supervisor = supervisor;
    file->source = source;
    pthread_mutex_init(&file->lock, NULL);
    thread_cond_init(&file->wake);
    *out = file;
    return STATUS_OK;
}

enum status metrics_file_start(struct metrics_file *file)
{
    return workers_start(file->supervisor->workers, "the writer of metrics", "", run, file);
}

void metrics_file_shut(struct metrics_file *file)
{
    pthread_mutex_lock(&file->lock);
    file->shut = true;
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock);
}

void metrics_file_free(struct metrics_file *file)
{
    if (!file)
        return;
    pthread_cond_destroy(&file->wake);
    pthread_mutex_destroy(&file->lock);
    free(file->path);
    free(file);
}

void metrics_file_soon(struct metrics_file *file)
{
    pthread_mutex_lock(&file->lock);
    file->soon = true;
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock);
}

void metrics_file_get_state(struct metrics_file *file, struct metrics_file_state *out)
{
    pthread_mutex_lock(&file->lock);
    *out = file->state;
    pthread_mutex_unlock(&file->lock);
}
