// What every cmocka test includes: the library with the headers that it needs, and assertions on
// status codes that show the recorded message.
#ifndef VREP_TESTS_SUPPORT_TEST_H
#define VREP_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/status.h"

// `actual`, an enum status, must be `expected`.
#define assert_status(actual, expected) \
    test_assert_status(actual, expected, #actual, __FILE__, __LINE__)

// `actual` must be STATUS_OK.
#define assert_ok(actual) assert_status(actual, STATUS_OK)

static inline void test_assert_status(enum status actual, enum status expected, const char *what,
                                      const char *file, int line)
{
    if (actual == expected)
        return;
    print_error("%s is %s instead of %s\n", what, status_name(actual), status_name(expected));
    if (actual != STATUS_OK)
        print_error("%s %s\n", status_last()->message, status_last()->action);
    _fail(file, line);
}

#endif
