// The resources of a library that was made of a manifest (tests/interop/manifests/everything.man):
// FormatMessage shows every message of its table with values, and every event's message is in it.
#include "tests/support/test.h"

#include <windows.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/utf.h"
#include "events/everything.h"

#define INSERTS  99
#define TEXT_MAX 1024 // units
#define MESSAGES 32   // in the table

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

// What FormatMessage should make of a text: "<n>" for %n, 1000 + n for %n!u!.
static void render(const WCHAR *text, WCHAR *out)
{
    for (const WCHAR *c = text; *c; c++) {
        if (*c != L'%') {
            *out++ = *c;
        } else if (c[1] == L'n') {
            *out++ = L'\r';
            *out++ = L'\n';
            c++;
        } else if (c[1] < L'0' || c[1] > L'9') {
            *out++ = *++c;
        } else {
            WCHAR *end;
            unsigned long insert = wcstoul(c + 1, &end, 10);
            bool number = wcsncmp(end, L"!u!", 3) == 0;
            out += swprintf(out, 16, number ? L"%lu" : L"<%lu>", number ? 1000 + insert : insert);
            c = number ? end + 2 : end - 1;
        }
    }
    *out = L'\0';
}

// The message as FormatMessage shows it; free with LocalFree. `text` is the message as the table
// has it.
static WCHAR *show(uint32_t id, const WCHAR *text)
{
    static WCHAR strings[INSERTS][8];
    DWORD_PTR arguments[INSERTS];
    WCHAR *shown = NULL;
    for (unsigned i = 0; i < INSERTS; i++) {
        WCHAR number[8];
        swprintf(number, 8, L"%%%u!u!", i + 1);
        swprintf(strings[i], 8, L"<%u>", i + 1);
        arguments[i] = wcsstr(text, number) ? 1000 + i + 1 : (DWORD_PTR)strings[i];
    }
    if (!FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ALLOCATE_BUFFER |
                            FORMAT_MESSAGE_ARGUMENT_ARRAY,
                        library, id, 0, (LPWSTR)&shown, 0, (va_list *)arguments))
        fail_msg("FormatMessage has no message 0x%08x: error %lu", (unsigned)id, GetLastError());
    return shown;
}

static const void *resource(LPCWSTR type, DWORD *size)
{
    HRSRC found = FindResourceW(library, MAKEINTRESOURCEW(1), type);
    assert_non_null(found);
    HGLOBAL loaded = LoadResource(library, found);
    assert_non_null(loaded);
    *size = SizeofResource(library, found);
    return LockResource(loaded);
}

static void messages__all_of_the_table__are_shown_with_values(void **state)
{
    (void)state;
    DWORD size;
    unsigned checked = 0;
    const MESSAGE_RESOURCE_DATA *table = resource((LPCWSTR)RT_MESSAGETABLE, &size);
    for (DWORD i = 0; i < table->NumberOfBlocks; i++) {
        const MESSAGE_RESOURCE_BLOCK *block = &table->Blocks[i];
        const char *at = (const char *)table + block->OffsetToEntries;
        for (DWORD id = block->LowId; id <= block->HighId; id++, checked++) {
            const MESSAGE_RESOURCE_ENTRY *entry = (const void *)at;
            const WCHAR *text = (const void *)entry->Text;
            WCHAR wanted[TEXT_MAX];
            assert_int_equal(entry->Flags, MESSAGE_RESOURCE_UNICODE);
            WCHAR *shown = show(id, text);
            render(text, wanted);
            if (wcscmp(shown, wanted) != 0)
                fail_msg("0x%08lx is \"%ls\" instead of \"%ls\"", id, shown, wanted);
            LocalFree(shown);
            at += entry->Length;
        }
    }
    assert_int_equal(checked, MESSAGES);
}

static void check_event(const struct event_definition *definition)
{
    if (!definition->message)
        return;
    size_t units;
    WCHAR wanted[TEXT_MAX];
    uint16_t *text = utf8_to_utf16(definition->message, strlen(definition->message), &units);
    assert_non_null(text);
    WCHAR *shown = show(definition->message_id, (const WCHAR *)text);
    render((const WCHAR *)text, wanted);
    // The table has CR LF where the manifest may have LF, and another at the end.
    const WCHAR *s = shown;
    for (const WCHAR *w = wanted; *w; w++, s++) {
        if (*w == L'\n' && *s == L'\r')
            s++;
        if (*w != *s)
            fail_msg("%s is \"%ls\" instead of \"%ls\"", definition->symbol, shown, wanted);
    }
    assert_int_equal(wcscmp(s, L"\r\n"), 0);
    LocalFree(shown);
    free(text);
}

static void messages__of_all_events__are_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < FEATURES_EVENT_COUNT; i++)
        check_event(FEATURES_events[i]);
    for (size_t i = 0; i < SECOND_PROVIDER_EVENT_COUNT; i++)
        check_event(SECOND_PROVIDER_events[i]);
}

static void template__is_in_the_library(void **state)
{
    (void)state;
    DWORD size;
    const uint8_t *template = resource(L"WEVT_TEMPLATE", &size);
    uint32_t length;
    memcpy(&length, template + 4, sizeof length);
    assert_memory_equal(template, "CRIM", 4);
    assert_int_equal(size, length + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages__all_of_the_table__are_shown_with_values),
        cmocka_unit_test(messages__of_all_events__are_in_the_table),
        cmocka_unit_test(template__is_in_the_library),
    };
    return cmocka_run_group_tests(tests, open_library, close_library);
}
