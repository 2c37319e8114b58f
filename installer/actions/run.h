// Runs a console program unseen and hands over what it prints, line by line as it comes.
#ifndef VREP_INSTALLER_ACTIONS_RUN_H
#define VREP_INSTALLER_ACTIONS_RUN_H

#include <stdbool.h>
#include <windows.h>

// What takes the lines, without their ends; NUL-terminated, valid during the call.
struct run_listener {
    void (*line)(void *context, const WCHAR *text);
    void *context;
};

// Runs `command_line` (changed meanwhile, as CreateProcessW may) and waits for its end. Both of its
// streams are read as UTF-8, lines that are not as the system's console code page. A line is cut
// behind RUN_LINE_MAX bytes. False: it could not be run, *code is Windows' error; else *code is the
// program's exit code.
#define RUN_LINE_MAX 8192
bool run_program(WCHAR *command_line, const struct run_listener *listener, DWORD *code);

#endif
