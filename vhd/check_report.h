// How findings of a check are told: counted by name, the first few of each one by one. The inside
// of vhd_check.
#ifndef VREP_VHD_CHECK_REPORT_H
#define VREP_VHD_CHECK_REPORT_H

#include "vhd/format.h"

// Prepares an empty checker; end it with vhd_checker_end whatever happens.
enum status vhd_checker_begin(struct vhd_checker *checker, const struct vhd_check *how,
                              const char *path) MUST_CHECK;

// Tells how many findings were not told one by one, and frees. checker->result is complete then.
// STATUS_OUT_OF_MEMORY: a finding was lost.
enum status vhd_checker_end(struct vhd_checker *checker) MUST_CHECK;

// How many findings of `kind` there are so far, deferred ones included.
uint64_t vhd_checker_count(const struct vhd_checker *checker, enum vhd_problem_kind kind);

static inline bool vhd_checker_found(const struct vhd_checker *checker, enum vhd_problem_kind kind)
{
    return vhd_checker_count(checker, kind) > 0;
}

#endif
