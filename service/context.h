// What every part of the service gets handed: no globals.
#ifndef VREP_SERVICE_CONTEXT_H
#define VREP_SERVICE_CONTEXT_H

#include "etw/events.h"
#include "service/registry.h"
#include "service/wire/throttle.h"

#define VREP_BLOCK_SIZE 4096 // a block, wherever a user sees one

struct replica_table; // service/replicate/replica_table.h

struct service_context {
    const char *host_name;
    const char *instance; // NULL: the default instance
    struct registry *registry;
    struct event_log *event_log;
    struct event_writer *events;      // the log's, to raise them
    const struct file_system *fs;     // disks
    struct throttle *server_throttle; // this server's bandwidth limit, shared by all connections
    struct replica_table *replicas;   // the replica side's sessions, held bases and merges
};

#endif
