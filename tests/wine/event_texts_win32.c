// FormatMessage renders each message of vrep-events.dll as events.jsonl has it.
#include "tests/support/test.h"

#include <windows.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/os_win32.h"
#include "base/utf.h"
#include "tests/support/event_samples.h"

static HMODULE load_texts(void)
{
    const char *bin = getenv("VREP_BIN");
    assert_non_null(bin);
    char *path = os_path_join(bin, "vrep-events.dll");
    WCHAR *wide = os_wide_path(path);
    HMODULE module =
        LoadLibraryExW(wide, NULL, LOAD_LIBRARY_AS_DATAFILE | LOAD_LIBRARY_AS_IMAGE_RESOURCE);
    if (!module)
        fail_msg("%s cannot be loaded: %lu", path, GetLastError());
    free(wide);
    free(path);
    return module;
}

static void assert_text(HMODULE module, const struct event_definition *e)
{
    struct sample_values values;
    struct event_pack pack;
    DWORD_PTR arguments[EVENT_PACK_MAX];
    WCHAR *text = NULL;
    event_sample_values(e, &values);
    assert_ok(event_pack_texts(values.value, e->field_count, 100000, &pack));
    for (size_t i = 0; i < pack.count; i++)
        arguments[i] = (DWORD_PTR)pack.piece[i].text;
    DWORD units =
        FormatMessageW(FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ALLOCATE_BUFFER |
                           FORMAT_MESSAGE_ARGUMENT_ARRAY,
                       module, e->message_id, MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US),
                       (WCHAR *)&text, 0, (va_list *)arguments);
    if (units < 2)
        fail_msg("%s: no text of %lx: %lu", e->symbol, (unsigned long)e->message_id,
                 GetLastError());
    // The table ends each text with a line break.
    assert_int_equal(text[units - 2], L'\r');
    assert_int_equal(text[units - 1], L'\n');
    char *rendered = utf16_to_utf8((const uint16_t *)text, units - 2);
    char *ours = event_message(e, values.value);
    assert_non_null(rendered);
    assert_string_equal(rendered, ours);
    free(ours);
    free(rendered);
    LocalFree(text);
    event_pack_free(&pack);
}

static void every_message__rendered_by_windows__is_our_own(void **state)
{
    (void)state;
    size_t count;
    const struct event_definition *const *events = event_samples(&count);
    HMODULE module = load_texts();
    assert_true(count > 60);
    for (size_t i = 0; i < count; i++)
        assert_text(module, events[i]);
    FreeLibrary(module);
}

static void dll__has_the_provider_and_its_templates(void **state)
{
    (void)state;
    HMODULE module = load_texts();
    HRSRC found = FindResourceW(module, MAKEINTRESOURCEW(1), L"WEVT_TEMPLATE");
    assert_non_null(found);
    HGLOBAL loaded = LoadResource(module, found);
    assert_non_null(loaded);
    assert_memory_equal(LockResource(loaded), "CRIM", 4);
    FreeLibrary(module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message__rendered_by_windows__is_our_own),
        cmocka_unit_test(dll__has_the_provider_and_its_templates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
