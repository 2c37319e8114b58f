// The verbs of docs/control.md as a test asks for them: requests through their one door to a stage
// with disks of 8 MiB.
#ifndef VREP_TESTS_SUPPORT_SERVICE_ASK_H
#define VREP_TESTS_SUPPORT_SERVICE_ASK_H

#include "tests/support/service/stage.h"
#include "vhd/vhd.h"

// The folder of the disks, as it is and as JSON has it.
#ifdef _WIN32
#define ROOT     "C:\\\\disks\\\\"
#define ROOT_RAW "C:\\disks\\"
#else
#define ROOT     "/disks/"
#define ROOT_RAW ROOT
#endif

#define ENABLE(name, disk, role) \
    "{\"verb\": \"enable\", \"name\": \"" name "\", \"disks\": [\"" ROOT disk "\"], " role "}"

// A dynamic disk.
void ask_make_disk(struct stage *s, const char *path, enum vhd_format format);

// For cmocka: stage_set_up, with p1.vhdx and p2.vhdx in ROOT.
int ask_set_up(void **state);

// A request that must succeed; its result, to be freed.
json_t *ask_done(struct stage *s, const char *request);
void ask_do(struct stage *s, const char *request);

// A request that must fail so, with a text that contains `says`.
void ask_refused(struct stage *s, const char *request, enum status wanted, const char *says);

// A member that is a text; "" when it is none.
const char *ask_text(const json_t *object, const char *name);

#endif
