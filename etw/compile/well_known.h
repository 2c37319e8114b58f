// What every manifest may use without defining it: Windows' own levels, tasks, opcodes, keywords
// ("win:...") and channels.
#ifndef VREP_ETW_COMPILE_WELL_KNOWN_H
#define VREP_ETW_COMPILE_WELL_KNOWN_H

#include <stdint.h>

struct well_known {
    const char *name;   // "win:Error"; of a channel "Application"
    uint64_t value;     // of a keyword its mask
    const char *string; // id of its text, "level.Error"
    const char *text;   // when no string table has that id
};

// NULL: no such name.
const struct well_known *well_known_level(const char *name);
const struct well_known *well_known_task(const char *name);
const struct well_known *well_known_opcode(const char *name);
const struct well_known *well_known_keyword(const char *name);
const struct well_known *well_known_channel(const char *name);

// The text of a string that Windows has itself. NULL: it has none with that id.
const char *well_known_text(const char *string);

#endif
