// The parsers of base/ that see texts of a peer, a file or a person: what they accept must survive
// the way back.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/guid.h"
#include "base/os.h"
#include "base/utf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool condition)
{
    if (!condition)
        abort();
}

static void unicode(const char *text, size_t size)
{
    size_t units = 0;
    uint16_t *wide = utf8_to_utf16(text, size, &units);
    insist((wide != NULL) == utf8_is_valid(text, size));
    if (!wide)
        return;
    char *back = utf16_to_utf8(wide, units);
    insist(back && memcmp(back, text, size) == 0 && back[size] == '\0');
    free(back);
    free(wide);
}

static void utf16(const uint8_t *data, size_t size)
{
    char *text = utf16le_to_utf8(data, size / 2);
    if (!text)
        return;
    insist(utf8_is_valid(text, strlen(text)));
    free(text);
}

static void records(char *text)
{
    struct guid guid, again;
    char guid_text[GUID_TEXT_SIZE];
    if (guid_parse(text, &guid))
        insist(guid_parse(guid_format(&guid, guid_text), &again) && guid_equal(&guid, &again));
    int64_t ms, same;
    char time_text[CLOCK_TEXT_SIZE];
    if (clock_parse_utc(text, &ms))
        insist(clock_parse(text, &same) && same == ms &&
               clock_parse_utc(clock_format_utc(ms, time_text), &same) && same == ms);
    (void)clock_parse(text, &ms);
    utf8_make_valid(text);
    insist(utf8_is_valid(text, strlen(text)));
}

static void path(const char *text)
{
    char *absolute;
    if (os_absolute_path(text, &absolute) != STATUS_OK)
        return;
    char *again = NULL;
    insist(os_path_is_absolute(absolute) && os_absolute_path(absolute, &again) == STATUS_OK);
    insist(strcmp(absolute, again) == 0);
    free(again);
    char *folder = os_path_folder(absolute);
    insist(folder && os_path_is_absolute(folder));
    free(folder);
    free(absolute);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    insist(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    unicode(text, size);
    utf16(data, size);
    path(text);
    records(text);
    free(text);
    return 0;
}
