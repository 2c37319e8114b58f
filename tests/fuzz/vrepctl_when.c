// What people type behind the filters of 'vrepctl events': whatever is accepted is in range.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "ps/client/ctl/args.c" // NOLINT(bugprone-suspicious-include): parts of a program
#include "ps/client/ctl/when.c" // NOLINT(bugprone-suspicious-include)

#define NOW INT64_C(1795369749123)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void insist(bool condition)
{
    if (!condition)
        abort();
}

static void ids(const char *text)
{
    json_t *list;
    if (parse_ids(text, &list) != STATUS_OK)
        return;
    insist(json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t first = json_integer_value(json_array_get(json_array_get(list, i), 0));
        json_int_t last = json_integer_value(json_array_get(json_array_get(list, i), 1));
        insist(first >= 0 && first <= last && last <= UINT32_MAX);
    }
    json_decref(list);
}

static void levels(const char *text)
{
    json_t *list;
    if (parse_levels(text, &list) != STATUS_OK)
        return;
    insist(json_array_size(list) > 0);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_int_t level = json_integer_value(json_array_get(list, i));
        insist(level >= 1 && level <= 5);
    }
    json_decref(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t time;
    char *text = malloc(size + 1);
    insist(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    if (parse_when("--since", text, NOW, &time) == STATUS_OK && strpbrk(text, "smhd"))
        insist(time >= 0 && time <= NOW);
    ids(text);
    levels(text);
    free(text);
    return 0;
}
