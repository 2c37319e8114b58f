#include "vhd/check_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A table full of junk has millions of wrong entries: so many of each name are told one by one.
#define TOLD_MAX 8

#define MESSAGE_MAX 1024

// What was found under one name.
struct finding_name {
    struct finding_name *next;
    const char *name;
    enum vhd_problem_kind kind;
    uint64_t told;     // one by one, the deferred ones included
    uint64_t untold;   // counted only
    uint64_t repaired; // of the untold ones
    uint64_t waiting;  // deferred, not to be told
};

struct deferred {
    struct deferred *next;
    const struct finding_name *of;
    char message[];
};

struct vhd_findings {
    struct finding_name *names;
    struct deferred *first, **last;
    uint64_t kinds[VHD_PROBLEM_DAMAGE + 1]; // found so far
    bool lost;                              // for want of memory
};

enum status vhd_checker_begin(struct vhd_checker *checker, const struct vhd_check *how,
                              const char *path)
{
    struct vhd_findings *findings = calloc(1, sizeof *findings);
    if (!findings)
        return status_no_memory("the findings of a check");
    findings->last = &findings->first;
    *checker = (struct vhd_checker){.how = how, .path = path, .findings = findings};
    return STATUS_OK;
}

// The entry of a name, new if need be; NULL: out of memory.
static struct finding_name *find_name(struct vhd_findings *findings, enum vhd_problem_kind kind,
                                      const char *name)
{
    struct finding_name **link = &findings->names;
    for (; *link; link = &(*link)->next)
        if ((*link)->kind == kind && strcmp((*link)->name, name) == 0)
            return *link;
    *link = calloc(1, sizeof **link);
    if (*link) {
        (*link)->name = name;
        (*link)->kind = kind;
    } else {
        findings->lost = true;
    }
    return *link;
}

static void tell(struct vhd_checker *checker, const struct finding_name *of, bool repaired,
                 const char *message)
{
    const struct vhd_problem problem = {
        .kind = of->kind, .name = of->name, .message = message, .repaired = repaired};
    checker->how->problem(checker->how->context, &problem);
}

static void add_up(struct vhd_checker *checker, enum vhd_problem_kind kind, uint64_t count,
                   bool repaired)
{
    if (kind == VHD_PROBLEM_NOTE) {
        checker->result.notes += count;
        return;
    }
    checker->result.problems += count;
    if (repaired)
        checker->result.repaired += count;
}

// Counts a finding. Its name when it is to be told as well, else NULL.
static struct finding_name *count_finding(struct vhd_checker *checker, enum vhd_problem_kind kind,
                                          const char *name, bool repaired)
{
    struct finding_name *of = find_name(checker->findings, kind, name);
    checker->findings->kinds[kind]++;
    add_up(checker, kind, 1, repaired);
    if (!of)
        return NULL;
    if (of->told < TOLD_MAX) {
        of->told++;
        return of;
    }
    of->untold++;
    of->repaired += repaired;
    return NULL;
}

void vhd_checker_report(struct vhd_checker *checker, enum vhd_problem_kind kind, const char *name,
                        bool repaired, const char *format, ...)
{
    struct finding_name *of = count_finding(checker, kind, name, repaired);
    if (!of)
        return;
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    tell(checker, of, repaired, message);
}

static void keep(struct vhd_findings *findings, struct finding_name *of, const char *message)
{
    struct deferred *kept = malloc(sizeof *kept + strlen(message) + 1);
    if (!kept) {
        findings->lost = true;
        return;
    }
    kept->next = NULL;
    kept->of = of;
    strcpy(kept->message, message);
    *findings->last = kept;
    findings->last = &kept->next;
    of->told++;
}

// Counts a finding that waits for the repair. Its name when it is to be told as well, else NULL.
static struct finding_name *count_deferred(struct vhd_findings *findings,
                                           enum vhd_problem_kind kind, const char *name)
{
    struct finding_name *of = find_name(findings, kind, name);
    findings->kinds[kind]++;
    if (!of || of->told < TOLD_MAX)
        return of;
    of->waiting++;
    return NULL;
}

void vhd_checker_defer(struct vhd_checker *checker, enum vhd_problem_kind kind, const char *name,
                       const char *format, ...)
{
    bool repair = checker->how->repair;
    struct finding_name *of = repair ? count_deferred(checker->findings, kind, name)
                                     : count_finding(checker, kind, name, false);
    if (!of)
        return;
    char message[MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (repair)
        keep(checker->findings, of, message);
    else
        tell(checker, of, false, message);
}

void vhd_checker_settle(struct vhd_checker *checker, bool repaired)
{
    struct vhd_findings *findings = checker->findings;
    while (findings->first) {
        struct deferred *kept = findings->first;
        add_up(checker, kept->of->kind, 1, repaired);
        tell(checker, kept->of, repaired, kept->message);
        findings->first = kept->next;
        free(kept);
    }
    findings->last = &findings->first;
    for (struct finding_name *of = findings->names; of; of = of->next) {
        add_up(checker, of->kind, of->waiting, repaired);
        of->untold += of->waiting;
        of->repaired += repaired ? of->waiting : 0;
        of->waiting = 0;
    }
}

uint64_t vhd_checker_count(const struct vhd_checker *checker, enum vhd_problem_kind kind)
{
    return checker->findings->kinds[kind];
}

// What was only counted, in one sentence.
static void tell_rest(struct vhd_checker *checker, const struct finding_name *of)
{
    char message[MESSAGE_MAX];
    if (of->untold == 0)
        return;
    snprintf(message, sizeof message, "%s: %llu more of these.", checker->path,
             (unsigned long long)of->untold);
    tell(checker, of, of->repaired == of->untold, message);
}

enum status vhd_checker_end(struct vhd_checker *checker)
{
    struct vhd_findings *findings = checker->findings;
    bool lost = findings->lost;
    vhd_checker_settle(checker, false);
    while (findings->names) {
        struct finding_name *of = findings->names;
        tell_rest(checker, of);
        findings->names = of->next;
        free(of);
    }
    free(findings);
    checker->findings = NULL;
    return lost ? status_no_memory("the findings of a check") : STATUS_OK;
}
