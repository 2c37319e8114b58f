// ETW and the Application log as Windows gets them, by a double of its functions.
#include "tests/support/test.h"

#include "etw/windows_win32.h"

#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"
#include "tests/support/event_samples.h"

// ---- the double ----

#define ANSWERS_MAX 20

static struct {
    bool registered; // the provider's key is there
    unsigned registrations, unregistrations, sources;
    GUID provider;
    ULONG register_answer;
    ULONG answers[ANSWERS_MAX]; // of event_write, one after the other; then ERROR_SUCCESS
    unsigned writes;
    EVENT_DESCRIPTOR descriptor; // of the last write
    ULONG count;
    uint8_t data[70000];
    size_t size, piece[EVENT_PACK_MAX];
    WCHAR source[40];
    WORD type;
    DWORD id;
    unsigned reports;
    char *strings[EVENT_PACK_MAX];
    WORD string_count;
    HKEY machine;
} windows;

#define HANDLE_OF_PROVIDER 0x1234
#define HANDLE_OF_SOURCE   ((HANDLE)0x5678)

static ULONG WINAPI double_register(LPCGUID provider, PENABLECALLBACK callback, PVOID context,
                                    PREGHANDLE handle)
{
    assert_null(callback);
    assert_null(context);
    windows.registrations++;
    windows.provider = *provider;
    *handle = windows.register_answer == ERROR_SUCCESS ? HANDLE_OF_PROVIDER : 0;
    return windows.register_answer;
}

static ULONG WINAPI double_unregister(REGHANDLE handle)
{
    assert_int_equal(handle, HANDLE_OF_PROVIDER);
    windows.unregistrations++;
    return ERROR_SUCCESS;
}

static ULONG WINAPI double_write(REGHANDLE handle, PCEVENT_DESCRIPTOR descriptor, ULONG count,
                                 PEVENT_DATA_DESCRIPTOR data)
{
    assert_int_equal(handle, HANDLE_OF_PROVIDER);
    assert_true(count <= EVENT_PACK_MAX);
    windows.descriptor = *descriptor;
    windows.count = count;
    windows.size = 0;
    for (ULONG i = 0; i < count; i++) {
        assert_int_equal(data[i].Reserved, 0);
        assert_true(windows.size + data[i].Size <= sizeof windows.data);
        memcpy(windows.data + windows.size, (const void *)(uintptr_t)data[i].Ptr, data[i].Size);
        windows.size += data[i].Size;
        windows.piece[i] = data[i].Size;
    }
    unsigned write = windows.writes++;
    return write < ANSWERS_MAX ? windows.answers[write] : ERROR_SUCCESS;
}

static HANDLE WINAPI double_source(LPCWSTR server, LPCWSTR name)
{
    assert_null(server);
    windows.sources++;
    wcsncpy(windows.source, name, sizeof windows.source / sizeof windows.source[0] - 1);
    return HANDLE_OF_SOURCE;
}

static BOOL WINAPI double_no_source(HANDLE source)
{
    assert_ptr_equal(source, HANDLE_OF_SOURCE);
    windows.sources--;
    return TRUE;
}

static void forget_strings(void)
{
    for (WORD i = 0; i < windows.string_count; i++)
        free(windows.strings[i]);
    windows.string_count = 0;
}

static BOOL WINAPI double_report(HANDLE source, WORD type, WORD category, DWORD id, PSID user,
                                 WORD count, DWORD size, LPCWSTR *strings, LPVOID data)
{
    assert_ptr_equal(source, HANDLE_OF_SOURCE);
    assert_int_equal(category, 0);
    assert_null(user);
    assert_int_equal(size, 0);
    assert_null(data);
    forget_strings();
    windows.type = type;
    windows.id = id;
    windows.reports++;
    windows.string_count = count;
    for (WORD i = 0; i < count; i++) {
        size_t units = wcslen(strings[i]);
        windows.strings[i] = malloc(4 * units + 1);
        assert_non_null(windows.strings[i]);
        int bytes = WideCharToMultiByte(CP_UTF8, 0, strings[i], (int)units, windows.strings[i],
                                        (int)(4 * units), NULL, NULL);
        windows.strings[i][bytes] = '\0';
    }
    return TRUE;
}

const struct event_windows *event_windows(void)
{
    static struct event_windows table = {
        .event_register = double_register,
        .event_unregister = double_unregister,
        .event_write = double_write,
        .register_source = double_source,
        .deregister_source = double_no_source,
        .report_event = double_report,
    };
    table.machine = windows.machine;
    return &table;
}

// ---- the registry of the double: a key of this process ----

#define TEST_KEY L"Software\\VRepTest.event_sinks"
#define PROVIDER_KEY                                                                          \
    L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\Publishers\\{4a285f7d-eef4-4f00-" \
    L"bc80-99b5f5e25a2d}"

static int set_up(void **state)
{
    (void)state;
    memset(&windows, 0, sizeof windows);
    RegDeleteTreeW(HKEY_CURRENT_USER, TEST_KEY);
    return RegCreateKeyExW(HKEY_CURRENT_USER, TEST_KEY, 0, NULL, 0, KEY_ALL_ACCESS, NULL,
                           &windows.machine, NULL) == ERROR_SUCCESS
               ? 0
               : -1;
}

static int clean_up(void **state)
{
    (void)state;
    forget_strings();
    RegCloseKey(windows.machine);
    RegDeleteTreeW(HKEY_CURRENT_USER, TEST_KEY);
    return 0;
}

static void register_provider(void)
{
    HKEY key;
    assert_int_equal(RegCreateKeyExW(windows.machine, PROVIDER_KEY, 0, NULL, 0, KEY_ALL_ACCESS,
                                     NULL, &key, NULL),
                     ERROR_SUCCESS);
    RegCloseKey(key);
}

static struct event_log *open_log(void)
{
    struct event_log *log;
    assert_ok(event_log_open(NULL, NULL, false, event_system_sinks, &log));
    return log;
}

// ---- ETW ----

static size_t piece_size(enum event_in_type type)
{
    switch (type) {
    case EVENT_IN_GUID:
        return 16;
    case EVENT_IN_UINT64:
        return 8;
    default:
        return 4;
    }
}

// The bytes that were written are those of the values, field by field.
static void assert_data(const struct event_definition *e, const struct event_value *values)
{
    const uint8_t *at = windows.data;
    assert_int_equal(windows.count, e->field_count);
    for (size_t i = 0; i < e->field_count; at += windows.piece[i], i++) {
        if (e->field[i].in_type == EVENT_IN_UNICODE_STRING) {
            WCHAR text[600];
            int units = MultiByteToWideChar(CP_UTF8, 0, values[i].as.string, -1, text, 600);
            assert_int_equal(windows.piece[i], 2 * units); // its zero included
            assert_memory_equal(at, text, 2 * (size_t)units);
            continue;
        }
        assert_int_equal(windows.piece[i], piece_size(e->field[i].in_type));
        assert_memory_equal(at,
                            e->field[i].in_type == EVENT_IN_GUID
                                ? values[i].as.data
                                : (const void *)&values[i].as.number,
                            windows.piece[i]);
    }
}

static void every_event__raised__is_written_as_the_manifest_says(void **state)
{
    (void)state;
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    register_provider();
    struct event_log *log = open_log();
    assert_int_equal(windows.registrations, 1);
    assert_memory_equal(&windows.provider, VREP_PROVIDER, sizeof VREP_PROVIDER);
    for (size_t i = 0; i < count; i++) {
        struct sample_values values;
        event_sample_values(events[i], &values);
        event_sample_raise(log, events[i]);
        assert_int_equal(windows.writes, i + 1);
        assert_memory_equal(&windows.descriptor, &events[i]->descriptor, sizeof windows.descriptor);
        assert_data(events[i], values.value);
    }
    event_log_close(log);
    assert_int_equal(windows.unregistrations, 1);
}

static void etw__event_too_big_for_a_session__is_sent_shorter(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    char text[50001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    windows.answers[0] = ERROR_ARITHMETIC_OVERFLOW;
    windows.answers[1] = ERROR_MORE_DATA;
    EventWriteServiceStopped(event_log_writer(log), text, "unit");
    assert_int_equal(windows.writes, 3);
    assert_true(windows.size <= 16 * 1024);
    static const WCHAR mark[] = L" [...]";
    assert_memory_equal(windows.data + windows.piece[0] - sizeof mark, mark, sizeof mark);
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(windows.writes, 4); // nothing was lost
    event_log_close(log);
}

// Each code that EventWrite may return: the event is lost and counted, the next ones go on.
static void etw__write_that_fails__is_counted_and_told(void **state)
{
    (void)state;
    static const ULONG codes[] = {ERROR_INVALID_PARAMETER, ERROR_NOT_ENOUGH_MEMORY,
                                  ERROR_LOG_FILE_FULL, ERROR_INVALID_HANDLE, ERROR_ACCESS_DENIED};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        windows.writes = windows.registrations = windows.unregistrations = 0;
        windows.answers[0] = codes[i];
        struct event_log *log = open_log();
        EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
        // Only a lost registration is made anew.
        assert_int_equal(windows.unregistrations, codes[i] == ERROR_INVALID_HANDLE);
        EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
        assert_int_equal(windows.writes, 3); // lost, 50013, written
        assert_int_equal(windows.descriptor.Id, 50001);
        assert_int_equal(windows.registrations, codes[i] == ERROR_INVALID_HANDLE ? 2 : 1);
        event_log_close(log);
    }
}

static void etw__too_big_whatever_is_cut__is_lost_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        windows.answers[i] = ERROR_MORE_DATA;
    struct event_log *log = open_log();
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_true(windows.writes > 1 && windows.writes < 10);
    event_log_close(log);
}

static void etw__registration_refused__leaves_the_other_sinks(void **state)
{
    (void)state;
    windows.register_answer = ERROR_NOT_ENOUGH_MEMORY;
    struct event_log *log = open_log();
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(windows.writes, 0);
    assert_int_equal(windows.reports, 1);
    event_log_close(log);
}

// ---- the Application log ----

static void classic__provider_registered__stays_silent(void **state)
{
    (void)state;
    register_provider();
    struct event_log *log = open_log();
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(windows.writes, 1);
    assert_int_equal(windows.reports, 0);
    assert_int_equal(windows.sources, 0);
    event_log_close(log);
}

static void classic__registered_later__is_looked_at_once(void **state)
{
    (void)state;
    struct event_log *log = open_log();
    register_provider();
    EventWriteServiceStopped(event_log_writer(log), "1.0", "unit");
    assert_int_equal(windows.reports, 1);
    event_log_close(log);
}

static WORD type_of(unsigned level)
{
    return level == EVENT_ERROR     ? EVENTLOG_ERROR_TYPE
           : level == EVENT_WARNING ? EVENTLOG_WARNING_TYPE
                                    : EVENTLOG_INFORMATION_TYPE;
}

static void classic__every_event__is_reported_with_its_texts(void **state)
{
    (void)state;
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    struct event_log *log = open_log();
    for (size_t i = 0; i < count; i++) {
        struct sample_values values;
        event_sample_values(events[i], &values);
        event_sample_raise(log, events[i]);
        assert_int_equal(windows.reports, i + 1);
        assert_int_equal(windows.id, events[i]->message_id);
        // Event Viewer shows its lower half: the event's number, whatever its version.
        assert_int_equal(windows.id & 0xF000FFFFu, 0xB0000000u | events[i]->descriptor.id);
        assert_int_equal(windows.type, type_of(events[i]->descriptor.level));
        assert_int_equal(windows.string_count, events[i]->field_count);
        for (size_t f = 0; f < events[i]->field_count; f++) {
            struct buffer text = {0};
            assert_ok(event_append_value(&text, &values.value[f]));
            assert_string_equal(windows.strings[f], (const char *)text.data);
            buffer_free(&text);
        }
    }
    assert_int_equal(wcscmp(windows.source, L"VRepService"), 0);
    event_log_close(log);
    assert_int_equal(windows.sources, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_event__raised__is_written_as_the_manifest_says),
        TEST(etw__event_too_big_for_a_session__is_sent_shorter),
        TEST(etw__write_that_fails__is_counted_and_told),
        TEST(etw__too_big_whatever_is_cut__is_lost_once),
        TEST(etw__registration_refused__leaves_the_other_sinks),
        TEST(classic__provider_registered__stays_silent),
        TEST(classic__registered_later__is_looked_at_once),
        TEST(classic__every_event__is_reported_with_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
