// The health of a relationship by Hyper-V's rules (IDs 33400 to 33422), as far as its states exist
// here.
#include "service/engine/relationship.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"

#define REQUIRED_FORMAT                                          \
    "Resynchronization is required for the virtual machine %s. " \
    "Resume replication to start resynchronization."

char *relationship_required_message(const struct relationship *r)
{
    struct buffer text = {0};
    if (buffer_printf(&text, REQUIRED_FORMAT, r->name) != STATUS_OK) {
        buffer_free(&text);
        return NULL;
    }
    return (char *)text.data;
}

// Appends a sentence; one that finds no memory is left out, the health itself never depends on it.
static void say(json_t *details, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(json_t *details, const char *format, ...)
{
    char text[STATUS_MESSAGE_MAX + RELATIONSHIP_NAME_MAX + 512];
    if (!details)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)json_array_append_new(details, json_string(text));
}

static enum replication_health worse(enum replication_health a, enum replication_health b)
{
    return a > b ? a : b;
}

static void say_error(const struct relationship *r, json_t *details)
{
    if (r->error.status != STATUS_OK)
        say(details, "%s%s%s", r->error.message, r->error.action[0] ? " " : "", r->error.action);
}

static enum replication_health resynchronizing(const struct relationship *r, int64_t now,
                                               json_t *details)
{
    say(details,
        "Replication of the virtual machine %s continues when its resynchronization has finished.",
        r->name);
    if (r->attempts == 0)
        return HEALTH_NORMAL;
    char text[CLOCK_TEXT_SIZE];
    if (r->next_attempt > now)
        say(details, "The last %u attempt%s failed; the next one is at %s.", r->attempts,
            r->attempts == 1 ? "" : "s", clock_format_utc(r->next_attempt, text));
    else
        say(details, "The last %u attempt%s failed; another one is under way.", r->attempts,
            r->attempts == 1 ? "" : "s");
    say_error(r, details);
    return HEALTH_WARNING;
}

static enum replication_health replicating(const struct relationship *r, json_t *details)
{
    char text[CLOCK_TEXT_SIZE];
    if (!r->look_in_use)
        return HEALTH_NORMAL;
    say(details,
        "A disk of the virtual machine %s is in use or unreadable since %s; whether it has changed "
        "since the last replication is not verified.",
        r->name, clock_format_utc(r->look_in_use_since, text));
    return HEALTH_WARNING;
}

static enum replication_health required(const struct relationship *r, json_t *details)
{
    char *message = relationship_required_message(r);
    if (message)
        say(details, "%s", message);
    free(message);
    say_error(r, details);
    return HEALTH_CRITICAL;
}

static enum replication_health by_state(const struct relationship *r, int64_t now, json_t *details)
{
    switch (r->state) {
    case REPLICATION_DISABLED:
        return HEALTH_NOT_APPLICABLE;
    case REPLICATION_REPLICATING:
        return replicating(r, details);
    case REPLICATION_SUSPENDED:
        say(details, "Replication of the virtual machine %s is paused. Resume it to continue.",
            r->name);
        return r->mode == MODE_REPLICA ? HEALTH_CRITICAL : HEALTH_WARNING;
    case REPLICATION_ERROR:
        say(details,
            "Replication of the virtual machine %s is in error. Mend the cause, then resume "
            "replication.",
            r->name);
        say_error(r, details);
        return HEALTH_CRITICAL;
    case REPLICATION_WAITING_FOR_START_RESYNCHRONIZE:
        return required(r, details);
    case REPLICATION_RESYNCHRONIZING:
        return resynchronizing(r, now, details);
    case REPLICATION_RESYNCHRONIZE_SUSPENDED:
        say(details,
            "Resynchronization of the virtual machine %s is paused. Resume replication to continue "
            "it.%s%s%s",
            r->name, r->suspend_cause ? " " : "", r->suspend_cause ? r->suspend_cause : "",
            r->suspend_cause ? "." : "");
        return HEALTH_WARNING;
    }
    return HEALTH_NOT_APPLICABLE;
}

enum replication_health relationship_health(const struct relationship *r, int64_t now,
                                            json_t *details)
{
    enum replication_health health = by_state(r, now, details);
    if (!r->cancel_pending)
        return health;
    say(details,
        "A cancel of the resynchronization was asked for; the replica server %s has not granted it "
        "yet.",
        r->replica_server ? r->replica_server : "");
    return worse(health, HEALTH_WARNING);
}
