// The template resource (WEVT_TEMPLATE): "CRIM", version 5.1, as mc.exe of Windows 10 lays it out.
// docs/event-resources.md has the layout.
#ifndef VREP_ETW_COMPILE_CRIM_H
#define VREP_ETW_COMPILE_CRIM_H

#include "base/buffer.h"
#include "etw/compile/model.h"

// Appends the resource to an empty buffer; the offsets of the manifest's items become those in it.
void crim_write(struct manifest *manifest, struct buffer *out);

// Its parts for one provider. Each appends a block, or nothing where the block would be empty and
// may be left out, and returns the block's offset, 0 for none.
uint32_t crim_channels(const struct provider *provider, struct buffer *out);
uint32_t crim_maps(struct manifest *manifest, const struct provider *provider, struct buffer *out);
uint32_t crim_templates(const struct provider *provider, struct buffer *out);
uint32_t crim_traits(const struct provider *provider, struct buffer *out);
uint32_t crim_opcodes(struct manifest *manifest, const struct provider *provider,
                      struct buffer *out);
uint32_t crim_levels(struct manifest *manifest, const struct provider *provider,
                     struct buffer *out);
uint32_t crim_tasks(const struct provider *provider, struct buffer *out);
uint32_t crim_keywords(struct manifest *manifest, const struct provider *provider,
                       struct buffer *out);
uint32_t crim_events(struct manifest *manifest, const struct provider *provider,
                     struct buffer *out);

// A block begins with a signature, its length and the number of its entries; returns its offset.
uint32_t crim_begin(struct buffer *out, const char *signature, size_t count);

// Sets the length of the block that began at `block`.
void crim_end(struct buffer *out, uint32_t block);

// A name: its size with padding, UTF-16, a terminator, padding to a multiple of four; and its size.
void crim_name(struct buffer *out, const char *name);
uint32_t crim_name_size(const char *name);

#endif
