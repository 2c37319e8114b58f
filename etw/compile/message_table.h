// The message table (RT_MESSAGETABLE) of one language.
#ifndef VREP_ETW_COMPILE_MESSAGE_TABLE_H
#define VREP_ETW_COMPILE_MESSAGE_TABLE_H

#include "base/buffer.h"
#include "etw/compile/model.h"

#define MESSAGE_ENTRY_MAX 65532 // bytes: a multiple of four in 16 bits

// Bytes that a text takes in a table.
size_t message_entry_size(const char *text);

// All strings that the manifest uses, by message id.
void message_table_write(struct manifest *manifest, const struct culture *culture,
                         struct buffer *out);

#endif
