// A volume without room under the event file; the process's file size limit stands in for it.
#include "tests/support/test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "etw/events.h"
#include "tests/support/temp.h"

static const uint8_t id[16] = {1};

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void raise_one(struct event_log *log)
{
    EventWriteDiskVerifiedAgain(event_log_writer(log), "vm", id);
}

static json_int_t number_of(const json_t *events, size_t index, const char *name)
{
    return json_integer_value(json_object_get(json_array_get(events, index), name));
}

// The volume fills up in the middle of a line, at every place of it.
static void log__full_volume__loses_and_counts_events_and_nobody_waits(void **state)
{
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t room = 0; room < 240; room += 40) {
        const char *folder = temp_folder();
        struct event_log *log;
        assert_ok(event_log_open(folder, NULL, false, NULL, &log));
        limit_files(room);
        for (int i = 0; i < 3; i++)
            raise_one(log);
        limit_files(RLIM_INFINITY);
        raise_one(log);

        struct event_page page;
        assert_ok(event_log_read(log, &(struct event_query){.limit = 10}, &page));
        json_t *events = page.events;
        assert_int_equal(json_array_size(events), 2);
        assert_int_equal(number_of(events, 0, "Id"), 50013);
        assert_int_equal(number_of(events, 0, "Count"), 3);
        assert_int_equal(event_log_lost(log), 3);
        assert_int_equal(number_of(events, 1, "RecordId"), event_log_last(log));
        json_decref(events);
        event_log_close(log);
        temp_remove(folder);
    }
}

static void log__raised_on_the_way_out_of_a_failure__keeps_the_failure(void **state)
{
    (void)state;
    const char *folder = temp_folder();
    struct event_log *log;
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(event_log_open(folder, NULL, false, NULL, &log));
    limit_files(0);
    status_fail(STATUS_REFUSED, 5, "The reason.");
    raise_one(log);
    limit_files(RLIM_INFINITY);
    assert_int_equal(status_last()->status, STATUS_REFUSED);
    assert_string_equal(status_last()->message, "The reason.");
    event_log_close(log);
    temp_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log__full_volume__loses_and_counts_events_and_nobody_waits),
        cmocka_unit_test(log__raised_on_the_way_out_of_a_failure__keeps_the_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
