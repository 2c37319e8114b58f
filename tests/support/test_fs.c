#include "tests/support/test_fs.h"

struct mem_fs *test_fs;

int test_fs_set_up(void **state)
{
    (void)state;
    test_fs = mem_fs_new();
    return 0;
}

int test_fs_tear_down(void **state)
{
    (void)state;
    mem_fs_free(test_fs);
    return 0;
}
