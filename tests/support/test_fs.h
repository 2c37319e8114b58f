// The files of tests that need nothing else: empty at the beginning of each one listed with
// TEST_WITH_FS.
#ifndef VREP_TESTS_SUPPORT_TEST_FS_H
#define VREP_TESTS_SUPPORT_TEST_FS_H

#include "tests/support/mem_fs.h"
#include "tests/support/test.h"

extern struct mem_fs *test_fs;

int test_fs_set_up(void **state);
int test_fs_tear_down(void **state);

#define TEST_WITH_FS(name) cmocka_unit_test_setup_teardown(name, test_fs_set_up, test_fs_tear_down)

#endif
