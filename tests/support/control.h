// Tests that start a control server leave nothing behind.
#ifndef VREP_TESTS_SUPPORT_CONTROL_H
#define VREP_TESTS_SUPPORT_CONTROL_H

#include <stdlib.h>
#include <unistd.h>

#include "base/control_name.h"
#include "base/os.h"

// Removes the empty folder of an instance's socket. A Windows pipe has none, and nothing happens.
static inline void control_remove_folder(const char *instance)
{
    char *name;
    if (control_name(instance, &name) != STATUS_OK)
        return;
    char *folder = os_path_folder(name);
    if (folder)
        rmdir(folder);
    free(folder);
    free(name);
}

#endif
