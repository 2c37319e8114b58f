#include "tests/support/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/utf.h"

static void fail__then_last__keeps_everything(void **state)
{
    (void)state;
    assert_status(status_fail(STATUS_NOT_FOUND, 7, "The file \"%s\" does not exist.", "x"),
                  STATUS_NOT_FOUND);
    assert_status(status_advise(32390, "Create %s.", "it"), STATUS_NOT_FOUND);
    const struct status_details *d = status_last();
    assert_int_equal(d->status, STATUS_NOT_FOUND);
    assert_int_equal(d->os_code, 7);
    assert_int_equal(d->event_id, 32390);
    assert_string_equal(d->message, "The file \"x\" does not exist.");
    assert_string_equal(d->action, "Create it.");
}

static void context__after_advice__keeps_action_event_and_code(void **state)
{
    (void)state;
    status_fail(STATUS_DAMAGED, 9, "The header is gone.");
    status_advise(29270, "Repair it.");
    assert_status(status_context("Disk %d", 2), STATUS_DAMAGED);
    assert_string_equal(status_last()->message, "Disk 2: The header is gone.");
    assert_string_equal(status_last()->action, "Repair it.");
    assert_int_equal(status_last()->event_id, 29270);
    assert_int_equal(status_last()->os_code, 9);
}

static void advise__without_event__keeps_the_event(void **state)
{
    (void)state;
    status_fail(STATUS_REFUSED, 0, "No.");
    status_advise(32546, "First.");
    status_advise(0, "Second.");
    assert_int_equal(status_last()->event_id, 32546);
    assert_string_equal(status_last()->action, "Second.");
}

static void fail__after_advice__clears_it(void **state)
{
    (void)state;
    status_fail(STATUS_REFUSED, 0, "No.");
    status_advise(32546, "Ask again.");
    status_fail(STATUS_IO, 0, "Broken.");
    assert_string_equal(status_last()->action, "");
    assert_int_equal(status_last()->event_id, 0);
}

static void fail__with_its_own_last_message__quotes_it(void **state)
{
    (void)state;
    status_fail(STATUS_IO, 0, "inner");
    status_fail(STATUS_DAMAGED, 0, "outer (%s)", status_last()->message);
    assert_string_equal(status_last()->message, "outer (inner)");
}

static void fail__text_too_long__is_cut_between_characters(void **state)
{
    (void)state;
    char long_text[3 * STATUS_MESSAGE_MAX];
    memset(long_text, 'a', sizeof long_text);
    for (size_t i = 0; i + 3 < sizeof long_text; i += 3)
        memcpy(long_text + i, "\xE2\x82\xAC", 3);
    long_text[sizeof long_text - 1] = '\0';
    status_fail(STATUS_IO, 0, "%s", long_text);
    assert_true(strlen(status_last()->message) > STATUS_MESSAGE_MAX - 8);
    assert_true(utf8_is_valid(status_last()->message, strlen(status_last()->message)));
    status_context("%s", long_text);
    status_advise(0, "%s", long_text);
    assert_true(strlen(status_last()->action) < STATUS_ACTION_MAX);
    assert_true(utf8_is_valid(status_last()->action, strlen(status_last()->action)));
}

static void fail__name_that_is_not_utf8__message_is(void **state)
{
    (void)state;
    status_fail(STATUS_NOT_FOUND, 0, "Not found: %s.", "a\xFF-\xC3!b\xE2\x82");
    assert_string_equal(status_last()->message, "Not found: a?-?!b?.");
}

static void fail_errno__known_codes__map(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum status status;
    } cases[] = {
        {ENOSPC, STATUS_NO_SPACE},       {ENOENT, STATUS_NOT_FOUND},
        {EACCES, STATUS_ACCESS_DENIED},  {EPERM, STATUS_ACCESS_DENIED},
        {EROFS, STATUS_ACCESS_DENIED},   {EEXIST, STATUS_EXISTS},
        {EAGAIN, STATUS_IN_USE},         {EBUSY, STATUS_IN_USE},
        {ENOMEM, STATUS_OUT_OF_MEMORY},  {ECONNREFUSED, STATUS_CONNECTION},
        {ECONNRESET, STATUS_CONNECTION}, {ETIMEDOUT, STATUS_CONNECTION},
        {EPIPE, STATUS_CONNECTION},      {EIO, STATUS_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_status(status_fail_errno(cases[i].error, "Cannot do it"), cases[i].status);
        assert_int_equal(status_last()->os_code, cases[i].error);
    }
}

static void fail_errno__system_text__ends_the_sentence(void **state)
{
    (void)state;
    status_fail_errno(ENOENT, "Cannot open \"%s\"", "f");
    assert_string_equal(status_last()->message, "Cannot open \"f\": No such file or directory.");
}

static void no_memory__names_what(void **state)
{
    (void)state;
    assert_status(status_no_memory("the block allocation table"), STATUS_OUT_OF_MEMORY);
    assert_non_null(strstr(status_last()->message, "the block allocation table"));
}

static void *fail_elsewhere(void *copy)
{
    status_fail(STATUS_CONNECTION, 5, "Lost.");
    *(struct status_details *)copy = *status_last();
    return NULL;
}

static void last__of_another_thread__is_its_own(void **state)
{
    (void)state;
    struct status_details copy;
    pthread_t thread;
    status_fail(STATUS_IO, 0, "Mine.");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &copy), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(status_last()->message, "Mine.");
    assert_status(status_restore(&copy), STATUS_CONNECTION);
    assert_string_equal(status_last()->message, "Lost.");
    assert_int_equal(status_last()->os_code, 5);
}

static void restore__hostile_details__are_made_safe(void **state)
{
    (void)state;
    struct status_details hostile = {.status = STATUS_PROTOCOL};
    memset(hostile.message, 0xFF, sizeof hostile.message);
    memset(hostile.action, 'x', sizeof hostile.action);
    status_restore(&hostile);
    assert_true(utf8_is_valid(status_last()->message, strlen(status_last()->message)));
    assert_int_equal(strlen(status_last()->action), STATUS_ACTION_MAX - 1);
}

static void name__every_status__comes_back(void **state)
{
    (void)state;
#define X(constant, name, number)                     \
    assert_string_equal(status_name(constant), name); \
    assert_int_equal(status_from_name(name), number);
    STATUS_MAP(X)
#undef X
    assert_string_equal(status_name((enum status)999), "Internal");
    assert_status(status_from_name("Nonsense"), STATUS_INTERNAL);
    assert_status(status_from_name(""), STATUS_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fail__then_last__keeps_everything),
        cmocka_unit_test(context__after_advice__keeps_action_event_and_code),
        cmocka_unit_test(advise__without_event__keeps_the_event),
        cmocka_unit_test(fail__after_advice__clears_it),
        cmocka_unit_test(fail__with_its_own_last_message__quotes_it),
        cmocka_unit_test(fail__text_too_long__is_cut_between_characters),
        cmocka_unit_test(fail__name_that_is_not_utf8__message_is),
        cmocka_unit_test(fail_errno__known_codes__map),
        cmocka_unit_test(fail_errno__system_text__ends_the_sentence),
        cmocka_unit_test(no_memory__names_what),
        cmocka_unit_test(last__of_another_thread__is_its_own),
        cmocka_unit_test(restore__hostile_details__are_made_safe),
        cmocka_unit_test(name__every_status__comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
