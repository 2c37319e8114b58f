// What is made of a manifest that was read. Each appends to `out`; the same manifest always gives
// the same bytes.
#ifndef VREP_ETW_COMPILE_OUTPUTS_H
#define VREP_ETW_COMPILE_OUTPUTS_H

#include "base/buffer.h"
#include "etw/compile/model.h"

// The names of message tables' files: "VRep_MSG00001.bin" for the first language.
#define OUTPUT_MESSAGES_FORMAT "%s_MSG%05zu.bin"

// The resource script, which names the template resource and the message tables' files.
void output_resource_script(const struct manifest *manifest, const char *name, struct buffer *out);

// The reference of events as Markdown, after the text of `preamble` (NULL: a heading only).
void output_markdown(struct manifest *manifest, const char *preamble, struct buffer *out);

// The C header: constants, definitions and one function an event. `name` is the output's ("VRep"),
// `types` what it includes for etw/event_types.h.
void output_header(struct manifest *manifest, const char *name, const char *types,
                   struct buffer *out);

// Its part for one provider's events; `names` are those taken by constants.
struct c_names;
void output_header_events(struct manifest *manifest, const struct provider *provider,
                          struct c_names *names, struct buffer *out);

#endif
