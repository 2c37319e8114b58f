// The service's answers for people, on standard output.
#ifndef VREP_CTL_RENDER_H
#define VREP_CTL_RENDER_H

#include <jansson.h>

#include "base/buffer.h"

// All relationships, a line each.
void render_table(const json_t *relationships);

// Everything that is known of one.
void render_relationship(const json_t *relationship);

void render_server(const json_t *server);
void render_event(const json_t *event);

// "Comparing, 43 %, 1.2 of 2.8 GiB, ..." of a running or queued resynchronization; what it does now
// for others.
enum status render_progress(const json_t *relationship, struct buffer *out) MUST_CHECK;

// The same of a comparison that changes nothing.
enum status render_comparing(const json_t *relationship, struct buffer *out) MUST_CHECK;

// What the last comparison of a relationship has found, with the ranges that it lists.
void render_comparison(const json_t *relationship);

// How far the present part (comparing or merging) is, 0 to 100.
unsigned render_percent(const json_t *relationship);

#endif
