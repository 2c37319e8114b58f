// The message table of a library that was made of a manifest
// (tests/interop/manifests/everything.man), as FormatMessage shows it: every event's message, with
// values.
#include "tests/support/test.h"

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"
#include "events/everything.h"

#define INSERTS  99
#define TEXT_MAX 1024 // units

static HMODULE library;

static int open_library(void **state)
{
    (void)state;
    WCHAR path[MAX_PATH + 1];
    DWORD length = GetModuleFileNameW(NULL, path, MAX_PATH);
    assert_true(length > 0 && length < MAX_PATH);
    WCHAR *name = wcsrchr(path, L'\\');
    assert_non_null(name);
    wcscpy(name + 1, L"test-events.dll");
    library = LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE);
    return library ? 0 : -1;
}

static int close_library(void **state)
{
    (void)state;
    return FreeLibrary(library) ? 0 : -1;
}

// What FormatMessage should make of a message: "<n>" for %n, or 1000 + n for %n!u!.
static void render(const char *message, char *out)
{
    for (const char *c = message; *c; c++) {
        if (*c == '\n' && (c == message || c[-1] != '\r')) {
            out += sprintf(out, "\r\n");
        } else if (*c != '%') {
            *out++ = *c;
        } else if (c[1] == 'n') {
            out += sprintf(out, "\r\n");
            c++;
        } else if (c[1] < '0' || c[1] > '9') {
            *out++ = *++c;
        } else {
            char *end;
            unsigned long insert = strtoul(c + 1, &end, 10);
            bool number = strncmp(end, "!u!", 3) == 0;
            out += sprintf(out, number ? "%lu" : "<%lu>", number ? 1000 + insert : insert);
            c = number ? end + 2 : end - 1;
        }
    }
    strcpy(out, "\r\n");
}

static void check_message(const struct event_definition *definition)
{
    WCHAR text[INSERTS][8];
    DWORD_PTR arguments[INSERTS];
    WCHAR *shown = NULL;
    char wanted[TEXT_MAX];
    for (unsigned i = 0; i < INSERTS; i++) {
        char number[8];
        snprintf(number, sizeof number, "%%%u!u!", i + 1);
        swprintf(text[i], 8, L"<%u>", i + 1);
        arguments[i] = strstr(definition->message, number) ? 1000 + i + 1 : (DWORD_PTR)text[i];
    }
    DWORD length =
        FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ALLOCATE_BUFFER |
                           FORMAT_MESSAGE_ARGUMENT_ARRAY,
                       library, definition->message_id, 0, (LPWSTR)&shown, 0, (va_list *)arguments);
    if (!length)
        fail_msg("%s has no message 0x%08x: error %lu", definition->symbol,
                 (unsigned)definition->message_id, GetLastError());
    char *utf8 = utf16_to_utf8((const uint16_t *)shown, length);
    assert_non_null(utf8);
    render(definition->message, wanted);
    assert_string_equal(utf8, wanted);
    free(utf8);
    LocalFree(shown);
}

static void messages__of_all_events__are_in_the_library(void **state)
{
    (void)state;
    unsigned checked = 0;
    for (size_t i = 0; i < FEATURES_EVENT_COUNT; i++) {
        if (FEATURES_events[i]->message) {
            check_message(FEATURES_events[i]);
            checked++;
        }
    }
    for (size_t i = 0; i < SECOND_PROVIDER_EVENT_COUNT; i++, checked++)
        check_message(SECOND_PROVIDER_events[i]);
    assert_int_equal(checked, 7);
}

static void template__is_in_the_library(void **state)
{
    (void)state;
    HRSRC found = FindResourceW(library, MAKEINTRESOURCEW(1), L"WEVT_TEMPLATE");
    assert_non_null(found);
    HGLOBAL loaded = LoadResource(library, found);
    assert_non_null(loaded);
    assert_true(SizeofResource(library, found) > 16);
    assert_memory_equal(LockResource(loaded), "CRIM", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages__of_all_events__are_in_the_library),
        cmocka_unit_test(template__is_in_the_library),
    };
    return cmocka_run_group_tests(tests, open_library, close_library);
}
