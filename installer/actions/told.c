#include "installer/actions/told.h"

// Removes the first line; the end is one.
static void drop_line(struct told *told)
{
    const wchar_t *end = wcschr(told->text, L'\n');
    size_t dropped = end ? (size_t)(end - told->text) + 1 : told->length;
    wmemmove(told->text, told->text + dropped, told->length - dropped + 1);
    told->length -= dropped;
}

void told_add(struct told *told, const wchar_t *line)
{
    size_t length = wcslen(line);
    if (length > TOLD_MAX - 1)
        length = TOLD_MAX - 1;
    while (told->length > 0 && told->length + 1 + length > TOLD_MAX)
        drop_line(told);
    if (told->length > 0)
        told->text[told->length++] = L'\n';
    wmemcpy(told->text + told->length, line, length);
    told->length += length;
    told->text[told->length] = L'\0';
}
