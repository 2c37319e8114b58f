// Files that a compiler makes: readable as the user's mask says, unlike the service's own.
#ifndef VREP_ETW_COMPILE_WRITE_FILES_H
#define VREP_ETW_COMPILE_WRITE_FILES_H

#include "base/buffer.h"

struct output {
    const char *name; // in the folder
    struct buffer data;
};

// Writes all beside the old ones, "NAME.new", and then puts each in its place: others see the old
// contents or the new, never a part, and when there is no room nothing changes. STATUS_IO and the
// like, with the system's text.
enum status write_files(const char *folder, const struct output *outputs, size_t count) MUST_CHECK;

#endif
