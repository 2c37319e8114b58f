// Files that a compiler makes: readable as the user's mask says, unlike the service's own.
#ifndef VREP_ETW_COMPILE_WRITE_FILE_H
#define VREP_ETW_COMPILE_WRITE_FILE_H

#include "base/buffer.h"

// Replaces `name` in `folder` at once: others see the old contents or the new, never a part.
// STATUS_IO and the like, with the system's text.
enum status write_file(const char *folder, const char *name, const struct buffer *data) MUST_CHECK;

#endif
