// What a program has printed, kept for the error that ends an installation.
#ifndef VREP_INSTALLER_ACTIONS_TOLD_H
#define VREP_INSTALLER_ACTIONS_TOLD_H

#include <stddef.h>
#include <wchar.h>

#define TOLD_MAX 4096 // UTF-16 units, as much as a person reads

struct told {
    size_t length;
    wchar_t text[TOLD_MAX + 1]; // NUL-terminated
};

// Appends a line. When there is too much, whole lines at the beginning go: the reason for a failure
// comes last. A line that is too long alone is cut.
void told_add(struct told *told, const wchar_t *line);

#endif
