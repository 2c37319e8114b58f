// What requests make of a relationship: the engine decides, the record is changed, the tasks are
// told. Each returns within the time of a save; nothing here waits for a disk or for the other host
// unless it says so.
#ifndef VREP_SERVICE_SUPERVISE_VERBS_H
#define VREP_SERVICE_SUPERVISE_VERBS_H

#include "service/supervise/tasks.h"

#define VERB_MESSAGE_MAX 1024

// What is said with a resume that starts a resynchronization.
struct resume_options {
    bool overwrite_replica; // even if somebody else has written the replica's disks
    bool adopt_identity;    // the replica's disks take the primary's Virtual Disk ID
    int64_t start_time;     // wall ms, of VERB_SCHEDULE_RESYNCHRONIZE
};

// Carries out all verbs but VERB_REMOVE. `message`: one sentence of what happens now. `options`:
// NULL for none. Refusals are those of relationship_decide and are raised as events, too.
enum status verb_apply(struct supervisor *supervisor, registry_key key, enum relationship_verb verb,
                       const struct resume_options *options, const struct control_caller *caller,
                       char message[VERB_MESSAGE_MAX]) MUST_CHECK;

// Carries out what the engine's schedule asks for (SCHEDULE_START_DUE to SCHEDULE_SUSPEND) as
// nobody's order, unless the record of this moment does not ask for it any more. What fails is
// asked for again by the next look.
void verb_by_clock(struct supervisor *supervisor, registry_key key, enum schedule_step step,
                   int64_t now);

// VERB_REMOVE: ends what runs, cancels on a replica that can be reached (primary) or deletes the
// children (replica), and forgets the relationship. Waits a short while for that; when it takes
// longer, it goes on by itself and `message` says so.
enum status verb_remove(struct supervisor *supervisor, registry_key key,
                        const struct control_caller *caller,
                        char message[VERB_MESSAGE_MAX]) MUST_CHECK;

#endif
