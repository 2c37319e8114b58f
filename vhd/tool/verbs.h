// What vrepdisk can do: one table, from which words are told apart and helped with.
#ifndef VREP_VHD_TOOL_VERBS_H
#define VREP_VHD_TOOL_VERBS_H

#include "vhd/tool/tool.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct verb {
    const char *name; // one word, or two as in "hrl info"
    enum status (*run)(const struct arguments *a, int *exit_code);
    unsigned files;
    uint32_t options;     // besides those that every verb has: bit 1 << option
    enum option required; // OPTION_COUNT: none
    int failure;          // exit code when it fails
    int misuse;           // exit code when the words are wrong
    const char *synopsis;
    const char *summary;
    const char *help;
};

// The verb that the first of `words` name, and how many of them its name takes. NULL: none.
const struct verb *verb_find(int count, char *const words[], int *used);

// All options that `verb` takes.
uint32_t verb_options(const struct verb *verb);

// Appends the help for all verbs whose name begins with `prefix` ("" for all, "hrl " for a family),
// or for one.
enum status verbs_help(const char *prefix, struct buffer *out) MUST_CHECK;
enum status verb_help(const struct verb *verb, struct buffer *out) MUST_CHECK;

// True when some verb's name begins with `prefix`.
bool verbs_have(const char *prefix);

#endif
