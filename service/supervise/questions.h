// Questions to replicas (service/replicate/question.h), asked in the background for requests that
// do not wait.
#ifndef VREP_SERVICE_SUPERVISE_QUESTIONS_H
#define VREP_SERVICE_SUPERVISE_QUESTIONS_H

#include "service/supervise/supervisor.h"

enum status questions_new(struct supervisor *supervisor, struct questions **out) MUST_CHECK;
void questions_shut(struct questions *questions); // cuts those that run; workers_wait follows
void questions_free(struct questions *questions); // NULL is fine

// The report as {"Ready": true, ...}, or, when asking failed, that failure. No answer yet:
// {"Ready": false}; ask again. Each outcome is given once, then the same question is asked anew.
// STATUS_IN_USE: too many are being asked.
enum status questions_ask(struct questions *questions, const struct question *question,
                          json_t **report) MUST_CHECK;

#endif
