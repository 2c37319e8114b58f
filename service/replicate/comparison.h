// The primary's side of a comparison that changes nothing: connect, have the replica read, compare,
// note what differs.
#ifndef VREP_SERVICE_REPLICATE_COMPARISON_H
#define VREP_SERVICE_REPLICATE_COMPARISON_H

#include "service/replicate/resync_primary.h"

// Compares all disks of the relationship `key` with the replica's, in the job's thread. `hold`: the
// primary's disks. Shows its progress as PROGRESS_COMPARISON and changes no record, here or there.
// out->disk has what was found, also after a failure, as far as it came; *rate: bytes a second that
// were read and compared, untouched when there were none. Any order of the job ends it:
// STATUS_CANCELLED. STATUS_VERSION: the replica cannot only compare. Every other failure ends it,
// too: nothing is tried again.
enum status comparison_run(const struct service_context *service, registry_key key, struct job *job,
                           const struct disk_hold *hold, struct comparison *out,
                           uint64_t *rate) MUST_CHECK;

#endif
