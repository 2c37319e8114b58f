#include "tests/support/check_laws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vhd/vhd.h"

static void insist(bool condition, const char *law)
{
    if (condition)
        return;
    fprintf(stderr, "check_laws: %s\n%s\n", law, status_last()->message);
    abort();
}

struct count {
    uint64_t problems; // of the file itself
    uint64_t repaired;
};

static void count(void *context, const struct vhd_problem *problem)
{
    struct count *c = context;
    bool about_parents = strncmp(problem->name, "parent-", strlen("parent-")) == 0;
    if (problem->kind == VHD_PROBLEM_NOTE || about_parents)
        return;
    c->problems++;
    c->repaired += problem->repaired;
    if (getenv("VREP_SHOW_PROBLEMS"))
        fprintf(stderr, "%s: %s%s\n", problem->name, problem->message,
                problem->repaired ? " Repaired." : "");
}

static enum status check(const struct file_system *fs, const char *path, bool repair,
                         struct count *found)
{
    const struct vhd_check how = {.fs = fs, .repair = repair, .problem = count, .context = found};
    struct vhd_checked checked;
    *found = (struct count){0};
    return vhd_check(path, &how, &checked);
}

// What another version wrote is not damage.
static bool opens(const struct file_system *fs, const char *path)
{
    const struct vhd_open how = {
        .fs = fs, .share = FILE_SHARE_DENY_WRITE, .no_parents = true, .native = true};
    struct vhd *disk;
    enum status status = vhd_open(path, &how, &disk);
    if (status == STATUS_OK)
        vhd_abandon(disk);
    return status == STATUS_OK || status == STATUS_UNSUPPORTED;
}

void check_laws(struct mem_fs *fs, const char *path)
{
    const struct file_system *system = mem_fs_system(fs);
    struct mem_fs *before = mem_fs_clone(fs);
    struct count found;
    enum status status = check(system, path, false, &found);
    insist(mem_fs_equal(before, path, fs, path), "a check changed the file");
    mem_fs_free(before);
    if (status != STATUS_OK)
        return;
    insist(found.problems > 0 || opens(system, path), "a disk without problems does not open");
    if (check(system, path, true, &found) != STATUS_OK || found.repaired < found.problems)
        return;
    status = check(system, path, false, &found);
    insist(status == STATUS_OK && found.problems == 0, "a repaired disk has problems");
    insist(opens(system, path), "a repaired disk does not open");
}
