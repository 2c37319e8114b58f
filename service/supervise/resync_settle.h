// What the end of an attempt makes of the primary's record, and the events that tell of it. `r` is
// a copy of the present record, for names in events; called in the task's thread (resync_task.c).
#ifndef VREP_SERVICE_SUPERVISE_RESYNC_SETTLE_H
#define VREP_SERVICE_SUPERVISE_RESYNC_SETTLE_H

#include "service/supervise/tasks.h"

void settle_merged(struct task *task, const struct relationship *r);    // 4
void settle_cancelled(struct task *task, const struct relationship *r); // 10
void settle_guard(struct task *task, const struct relationship *r,
                  const struct status_details *why); // 10, 32390
// 12; `why` NULL: by the last caller.
void settle_suspended(struct task *task, const struct relationship *r,
                      const struct status_details *why);
void settle_no_space(struct task *task, const struct relationship *r,
                     const struct status_details *why); // 12, 32346
void settle_failed(struct task *task, const struct relationship *r,
                   const struct status_details *why); // 9, 29270
// A start of which nothing had begun: back to the state before it, with the error (32316).
// `refused`: asked again it would end the same way, so its window is over.
void settle_not_started(struct task *task, const struct relationship *r,
                        const struct status_details *why, bool refused);
// 11, from block 0 with a new id.
void settle_restart(struct task *task, const struct relationship *r,
                    const struct status_details *why);
// 11, another attempt after the milliseconds returned (32315). `moved`: the attempt got further
// than those before.
uint64_t settle_retry(struct task *task, const struct relationship *r,
                      const struct status_details *why, bool moved);
// The replica does not answer a cancel (32320); what was asked is persisted already.
void settle_cancel_pending(struct task *task, const struct relationship *r,
                           const struct status_details *why);
// The replica has committed before the cancel came (29168): 11, to be followed.
void settle_cancel_too_late(struct task *task, const struct relationship *r);

// The cause of a pause, as part of a sentence: by whom, or without an account by the end of its
// window.
#define SUSPEND_CAUSE_MAX 400
void settle_suspend_cause(const struct relationship *r, const char *account, const char *client,
                          char cause[SUSPEND_CAUSE_MAX]);

#endif
