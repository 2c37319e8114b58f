// What temp.c needs of the operating system. Not for others.
#ifndef VREP_TESTS_SUPPORT_TEMP_OS_H
#define VREP_TESTS_SUPPORT_TEMP_OS_H

#include <stdbool.h>

// The system's temporary folder, allocated.
char *temp_os_base(void);

// True when the path itself is a folder; a link to one is not.
bool temp_os_is_folder(const char *path);

// Removes a file or link, or an empty folder. Best effort.
void temp_os_remove_file(const char *path);
void temp_os_remove_folder(const char *path);

#endif
