#include "ps/client/ctl/progress.h"

#include <pthread.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/os.h"
#include "ps/client/ctl/console.h"
#include "ps/client/ctl/render.h"
#include "ps/client/ctl/text.h"

#define BAR_COLUMNS   12
#define LOOK_EVERY_MS 50 // a short resynchronization is over at once
#define DRAW_EVERY_MS 200
#define LINE_EVERY_MS 5000
#define ACTIVITY_MAX  64

struct progress {
    struct ctl *ctl;
    const struct followed *followed;
    bool bar;
    unsigned drawn;              // columns of the bar's line that are not empty
    int64_t next_line;           // monotonic; of the bar: when to draw it again
    char activity[ACTIVITY_MAX]; // of the last line
    pthread_mutex_t mutex;       // the two below
    bool waiting;                // vrep_wait runs: Ctrl-C has something to end
    bool interrupted;
};

static void on_interrupt(void *context)
{
    struct progress *progress = context;
    pthread_mutex_lock(&progress->mutex);
    if (progress->waiting) {
        progress->interrupted = true;
        vrep_cancel(progress->ctl->client);
    }
    pthread_mutex_unlock(&progress->mutex);
}

// Cuts UTF-8 text after so many columns; returns how many it has.
static unsigned cut(char *text, unsigned columns)
{
    unsigned used = 0;
    for (char *p = text; *p; p++) {
        if (((unsigned char)*p & 0xC0) == 0x80)
            continue;
        if (used == columns) {
            *p = '\0';
            break;
        }
        used++;
    }
    return used;
}

static void draw_bar(struct progress *progress, const json_t *relationship)
{
    struct buffer line = {0};
    char bar[BAR_COLUMNS + 1];
    int64_t now = clock_mono_ms();
    if (now < progress->next_line)
        return;
    progress->next_line = now + DRAW_EVERY_MS;
    size_t filled = progress->followed->percent(relationship) * BAR_COLUMNS / 100;
    memset(bar, '.', BAR_COLUMNS);
    memset(bar, '#', filled);
    bar[BAR_COLUMNS] = '\0';
    enum status s = buffer_printf(&line, "[%s] ", bar);
    if (s == STATUS_OK)
        s = progress->followed->render(relationship, &line);
    if (s == STATUS_OK) {
        // One column stays free: writing the last one would begin a new line.
        unsigned columns = cut((char *)line.data, console_columns() - 1);
        unsigned rest = progress->drawn > columns ? progress->drawn - columns : 0;
        ctl_print("\r%s%*s", (const char *)line.data, (int)rest, "");
        progress->drawn = columns;
    }
    buffer_free(&line);
}

static void end_bar(struct progress *progress)
{
    if (progress->drawn)
        ctl_print("\n");
    progress->drawn = 0;
}

static void print_line(struct progress *progress, const json_t *relationship)
{
    struct buffer line = {0};
    const char *activity = progress->followed->activity(relationship);
    int64_t now = clock_mono_ms();
    if (now < progress->next_line && strcmp(activity, progress->activity) == 0)
        return;
    progress->next_line = now + LINE_EVERY_MS;
    strncpy(progress->activity, activity, ACTIVITY_MAX - 1);
    if (progress->followed->render(relationship, &line) == STATUS_OK)
        ctl_print("%s\n", (const char *)line.data);
    buffer_free(&line);
}

static int32_t VREP_CALL on_progress(void *context, const char *text)
{
    struct progress *progress = context;
    json_error_t ignored;
    json_t *relationship = progress->ctl->json ? NULL : json_loads(text, 0, &ignored);
    if (relationship && progress->bar)
        draw_bar(progress, relationship);
    else if (relationship)
        print_line(progress, relationship);
    json_decref(relationship);
    pthread_mutex_lock(&progress->mutex);
    bool go_on = !progress->interrupted; // a Ctrl-C just before the wait cancelled nothing
    pthread_mutex_unlock(&progress->mutex);
    return go_on;
}

// Why it is not in step, in the order of what tells most.
static void explain(const json_t *r)
{
    const json_t *error = json_object_get(r, "LastError");
    const char *cause = member_text(r, "ResynchronizeSuspendCause");
    ctl_print("The resynchronization of '%s' has not finished; the state is %s.\n",
              member_text(r, "VMName"), member_text(r, "ReplicationStateText"));
    if (cause[0])
        ctl_print("It was suspended: %s\n", cause);
    if (json_is_object(error))
        ctl_print("%s\n%s\n", member_text(error, "message"), member_text(error, "action"));
    if (strcmp(member_text(r, "ResynchronizeLastOutcome"), "Cancelled") == 0 && !cause[0])
        ctl_print("It was cancelled; the replica's disks are what they were before.\n");
}

static enum exit_code tell_end(struct ctl *ctl, const json_t *r)
{
    bool done = member_number(r, "ReplicationState") == STATE_REPLICATING;
    if (ctl->json)
        ctl_print_json(r);
    else if (done)
        ctl_print("'%s' is resynchronized; it is in step with %s.\n", member_text(r, "VMName"),
                  member_text(r, "ReplicaServerName"));
    else
        explain(r);
    return done ? EXIT_DONE : EXIT_FAILED;
}

static const char *activity_of(const json_t *r)
{
    return member_text(r, "ResynchronizeActivity");
}

const struct followed followed_resynchronization = {
    .activity = activity_of,
    .percent = render_percent,
    .render = render_progress,
    .tell_end = tell_end,
    .goes_on = "The resynchronization goes on in the service; 'vrepctl status' shows it, "
               "'vrepctl stop' cancels it.\n",
};

static void set_waiting(struct progress *progress, bool waiting)
{
    pthread_mutex_lock(&progress->mutex);
    progress->waiting = waiting;
    pthread_mutex_unlock(&progress->mutex);
}

enum exit_code progress_follow(struct ctl *ctl, const char *name, const struct followed *followed)
{
    // Static: Ctrl-C may come until the program ends.
    static struct progress progress = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    char *text;
    json_error_t ignored;
    progress.ctl = ctl;
    progress.followed = followed;
    progress.bar = os_stdout_is_terminal();
    if (console_catch_interrupt(on_interrupt, &progress) != STATUS_OK)
        return ctl_tell_failure();
    set_waiting(&progress, true);
    int32_t result = vrep_wait(ctl->client, name, LOOK_EVERY_MS, on_progress, &progress, &text);
    set_waiting(&progress, false);
    end_bar(&progress);
    if (result != VREP_OK && progress.interrupted) {
        os_print(true, followed->goes_on);
        return EXIT_DONE;
    }
    if (result != VREP_OK)
        return ctl_tell_client_error(ctl);
    json_t *relationship = json_loads(text, 0, &ignored);
    vrep_free(text);
    enum exit_code code = followed->tell_end(ctl, relationship);
    json_decref(relationship);
    return code;
}
