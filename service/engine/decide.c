// The state x verb table of the design.
#include "base/clock.h"
#include "service/engine/relationship.h"

#include "events/VRep.h"

// What a verb is called in a sentence: "Cannot <phrase>".
static const char *phrase(enum relationship_verb verb)
{
    switch (verb) {
    case VERB_RESUME:
        return "resume";
    case VERB_RESUME_RESYNCHRONIZE:
        return "resynchronize";
    case VERB_RESUME_CONTINUE:
        return "continue the resynchronization of";
    case VERB_SUSPEND:
        return "suspend";
    case VERB_STOP:
        return "stop the resynchronization of";
    case VERB_COMPARE:
        return "compare";
    case VERB_REMOVE:
        return "remove";
    case VERB_SCHEDULE_RESYNCHRONIZE:
        return "schedule a resynchronization of";
    }
    return "change";
}

// Refuses with event 32546: "Cannot <verb> virtual machine 'x': its replication state is <state>[,
// <why>]." and what fits as the action.
static enum status refuse(const struct relationship *r, enum relationship_verb verb,
                          const char *why, const char *fitting)
{
    status_fail(STATUS_REFUSED, 0,
                "Cannot %s virtual machine '%s': its replication state is %s%s%s.", phrase(verb),
                r->name, replication_state_text(r->state), why ? ", " : "", why ? why : "");
    return status_advise(RefusedInState_value, "%s", fitting);
}

// The same with a command of vrepctl as what fits.
static enum status refuse_use(const struct relationship *r, enum relationship_verb verb,
                              const char *why, const char *purpose, const char *command,
                              const char *option)
{
    status_fail(STATUS_REFUSED, 0,
                "Cannot %s virtual machine '%s': its replication state is %s%s%s.", phrase(verb),
                r->name, replication_state_text(r->state), why ? ", " : "", why ? why : "");
    return status_advise(RefusedInState_value, "To %s: vrepctl %s \"%s\"%s", purpose, command,
                         r->name, option);
}

static enum status refuse_merging(const struct relationship *r, enum relationship_verb verb,
                                  uint32_t event)
{
    status_fail(
        STATUS_REFUSED, 0,
        "Cannot %s virtual machine '%s': its resynchronization is being committed and merged "
        "into the replica's disks, which can no longer be stopped (state %s, phase %s).",
        phrase(verb), r->name, replication_state_text(r->state),
        resynchronize_phase_text(r->phase));
    return status_advise(event, "Wait until the merge has finished: vrepctl status \"%s\"",
                         r->name);
}

// A merge whose files are gone, of the disk and of its child, could only be tried again for ever.
static bool merge_lost_its_files(const struct relationship *r)
{
    return r->attempts > 0 && r->error.status == STATUS_NOT_FOUND;
}

static enum status decide_replica(const struct relationship *r, enum relationship_verb verb,
                                  enum relationship_action *action)
{
    if (verb != VERB_REMOVE) {
        status_fail(
            STATUS_REFUSED, 0,
            "Cannot %s virtual machine '%s' here: this host holds its replica, and the primary "
            "server decides (state %s).",
            phrase(verb), r->name, replication_state_text(r->state));
        return status_advise(RefusedInState_value, "Use the command on the primary server%s%s.",
                             r->primary_server ? " " : "",
                             r->primary_server ? r->primary_server : "");
    }
    if (relationship_is_merging(r) && !merge_lost_its_files(r))
        return refuse_merging(r, verb, RefusedWhileMerging_value);
    *action = ACTION_REMOVE;
    return STATUS_OK;
}

// A commit that lost its connection may or may not have reached the replica. Nothing here depends
// on the answer, and a replica that never answers again must not keep the record for ever.
static bool merge_out_of_reach(const struct relationship *r)
{
    return r->phase == PHASE_COMMITTING && (r->state == REPLICATION_ERROR || r->attempts > 0);
}

static enum status decide_remove(const struct relationship *r, enum relationship_action *action)
{
    if (relationship_is_merging(r) && !merge_out_of_reach(r))
        return refuse_merging(r, VERB_REMOVE, RefusedWhileMerging_value);
    *action = ACTION_REMOVE;
    return STATUS_OK;
}

// A cancel was asked for and the replica has not granted it: only its answer leads on.
static enum status decide_cancel_pending(const struct relationship *r, enum relationship_verb verb,
                                         enum relationship_action *action)
{
    switch (verb) {
    case VERB_STOP:
    case VERB_RESUME:
        *action = ACTION_RETRY_NOW;
        return STATUS_OK;
    default:
        return refuse_use(r, verb, "and a cancel waits for the replica server's answer",
                          "ask the replica server again at once", "resume", "");
    }
}

static enum status decide_replicating(const struct relationship *r, enum relationship_verb verb,
                                      enum relationship_action *action)
{
    switch (verb) {
    case VERB_SUSPEND:
        *action = ACTION_PAUSE;
        return STATUS_OK;
    case VERB_RESUME_RESYNCHRONIZE:
        return refuse_use(r, verb, NULL, "resynchronize nevertheless, suspend first", "suspend",
                          "");
    case VERB_STOP:
        return refuse(r, verb, "and no resynchronization is running",
                      "Use vrepctl suspend to pause replication, vrepctl remove to end it.");
    default:
        return refuse_use(r, verb, NULL, "pause replication", "suspend", "");
    }
}

static enum status decide_suspended(const struct relationship *r, enum relationship_verb verb,
                                    enum relationship_action *action)
{
    switch (verb) {
    case VERB_RESUME:
        *action = ACTION_REPLICATE;
        return STATUS_OK;
    case VERB_RESUME_RESYNCHRONIZE:
        *action = ACTION_START;
        return STATUS_OK;
    case VERB_SUSPEND:
        *action = ACTION_NOTHING;
        return STATUS_OK;
    case VERB_STOP:
        return refuse(r, verb, "and no resynchronization is running",
                      "Use vrepctl resume to go on, vrepctl remove to end replication.");
    default:
        return refuse_use(r, verb, "and no resynchronization was begun", "resume replication",
                          "resume", "");
    }
}

static enum status decide_waiting(const struct relationship *r, enum relationship_verb verb,
                                  enum relationship_action *action)
{
    switch (verb) {
    case VERB_RESUME_RESYNCHRONIZE:
        *action = ACTION_START;
        return STATUS_OK;
    case VERB_STOP:
        return refuse(r, verb, "and no resynchronization is running",
                      "Use vrepctl suspend on a running replication, vrepctl remove to end it.");
    default:
        return refuse_use(r, verb, "so a resynchronization must come first", "start it", "resume",
                          " --resynchronize");
    }
}

// 9 and 12: a resynchronization was begun and stands still.
static enum status decide_halted(const struct relationship *r, enum relationship_verb verb,
                                 enum relationship_action *action)
{
    switch (verb) {
    case VERB_RESUME:
    case VERB_RESUME_CONTINUE:
        *action = ACTION_CONTINUE;
        return STATUS_OK;
    case VERB_RESUME_RESYNCHRONIZE:
        if (relationship_is_merging(r))
            return refuse_use(r, verb, "and its commit was sent",
                              "learn from the replica server what became of it", "resume", "");
        *action = ACTION_START;
        return STATUS_OK;
    case VERB_SUSPEND:
        if (r->state == REPLICATION_ERROR)
            return refuse_use(r, verb, NULL, "go on after mending the cause", "resume", "");
        *action = r->schedule.suspended_by_end ? ACTION_HOLD : ACTION_NOTHING;
        return STATUS_OK;
    default:
        *action = ACTION_CANCEL;
        return STATUS_OK;
    }
}

// Only what is read is read: in any state but those in which the same disks are at work.
static enum status decide_compare(const struct relationship *r, bool queued,
                                  enum relationship_action *action)
{
    if (r->state == REPLICATION_RESYNCHRONIZING)
        return refuse_use(r, VERB_COMPARE, queued ? "and it waits for its turn" : NULL,
                          "see how far the resynchronization is, which compares, too", "status",
                          "");
    if (relationship_is_merging(r))
        return refuse_use(r, VERB_COMPARE, "and its commit was sent",
                          "learn from the replica server what became of it", "resume", "");
    *action = ACTION_COMPARE;
    return STATUS_OK;
}

// Both disks are being read, and nothing else may be done with them.
static enum status decide_comparing(const struct relationship *r, enum relationship_verb verb,
                                    enum relationship_action *action)
{
    if (verb != VERB_STOP)
        return refuse_use(r, verb, "and its disks are being compared", "end the comparison first",
                          "stop", "");
    *action = ACTION_STOP_COMPARISON;
    return STATUS_OK;
}

static enum status decide_resynchronizing(const struct relationship *r, enum relationship_verb verb,
                                          bool queued, enum relationship_action *action)
{
    switch (verb) {
    case VERB_RESUME:
    case VERB_RESUME_CONTINUE:
        *action = queued ? ACTION_NOTHING : ACTION_RETRY_NOW;
        return STATUS_OK;
    case VERB_RESUME_RESYNCHRONIZE:
        return refuse_use(r, verb, queued ? "and it waits for its turn" : NULL,
                          "begin again from block 0, stop it first", "stop", "");
    case VERB_SUSPEND:
        if (relationship_is_merging(r))
            return refuse_merging(r, verb, RefusedWhileMerging_value);
        *action = ACTION_SUSPEND;
        return STATUS_OK;
    default:
        // While the commit is on its way the replica alone knows, and answers.
        if (r->phase == PHASE_MERGING || r->phase == PHASE_MERGED)
            return refuse_merging(r, verb, ResynchronizeNotCancellable_value);
        *action = ACTION_CANCEL;
        return STATUS_OK;
    }
}

static enum status decide_by_state(const struct relationship *r, enum relationship_verb verb,
                                   bool queued, enum relationship_action *action)
{
    if (verb == VERB_COMPARE && r->state != REPLICATION_DISABLED)
        return decide_compare(r, queued, action);
    switch (r->state) {
    case REPLICATION_REPLICATING:
        return decide_replicating(r, verb, action);
    case REPLICATION_SUSPENDED:
        return decide_suspended(r, verb, action);
    case REPLICATION_WAITING_FOR_START_RESYNCHRONIZE:
        return decide_waiting(r, verb, action);
    case REPLICATION_ERROR:
    case REPLICATION_RESYNCHRONIZE_SUSPENDED:
        return decide_halted(r, verb, action);
    case REPLICATION_RESYNCHRONIZING:
        return decide_resynchronizing(r, verb, queued, action);
    case REPLICATION_DISABLED:
        break;
    }
    return refuse(r, verb, NULL, "Enable replication first: vrepctl enable");
}

// A resynchronization waits for its time. Nothing else starts or goes on before it is taken back.
static enum status decide_scheduled(const struct relationship *r, enum relationship_verb verb,
                                    enum relationship_action *action)
{
    char text[CLOCK_TEXT_SIZE];
    if (verb == VERB_STOP) {
        *action = ACTION_UNSCHEDULE;
        return STATUS_OK;
    }
    status_fail(STATUS_REFUSED, 0,
                "Cannot %s virtual machine '%s': its resynchronization is scheduled for %s local "
                "time, its replication state is %s.",
                phrase(verb), r->name, clock_format_local(r->schedule.start_time, text),
                replication_state_text(r->state));
    return status_advise(ResynchronizeAlreadyScheduled_value,
                         "To take that back: vrepctl stop \"%s\"", r->name);
}

// The same as a start that must be possible now.
static enum status decide_schedule(const struct relationship *r, bool queued,
                                   enum relationship_action *action)
{
    enum status s = decide_by_state(r, VERB_RESUME_RESYNCHRONIZE, queued, action);
    if (s == STATUS_OK)
        *action = ACTION_SCHEDULE;
    return s;
}

enum status relationship_decide(const struct relationship *r, enum relationship_verb verb,
                                bool queued, enum relationship_action *action)
{
    if (r->mode == MODE_REPLICA)
        return decide_replica(r, verb, action);
    if (verb == VERB_REMOVE)
        return decide_remove(r, action);
    if (r->comparing_since != 0)
        return decide_comparing(r, verb, action);
    if (r->cancel_pending)
        return decide_cancel_pending(r, verb, action);
    if (r->schedule.start_time != 0 && verb != VERB_SUSPEND)
        return decide_scheduled(r, verb, action);
    if (verb == VERB_SCHEDULE_RESYNCHRONIZE)
        return decide_schedule(r, queued, action);
    return decide_by_state(r, verb, queued, action);
}
