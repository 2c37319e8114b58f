// Every event. Leading fields of an ID that Hyper-V has are Hyper-V's; ours follow. The texts of
// 29242, 29244 and 33422 are Hyper-V's word for word. A text says what happened and, where there is
// something to do, what.
#include "etw/events.h"

#include <stdlib.h>

#define S(name)                  \
    {                            \
        name, EVENT_FIELD_STRING \
    }
#define G(name)                \
    {                          \
        name, EVENT_FIELD_GUID \
    }
#define N(name)                  \
    {                            \
        name, EVENT_FIELD_UINT64 \
    }
#define X(name)                 \
    {                           \
        name, EVENT_FIELD_HEX32 \
    }
#define VM           S("VmName"), G("VmId")
#define ERROR_FIELDS S("ErrorMessage"), X("ErrorCode")
#define RESYNC       G("ResynchronizeId")
#define WHO          S("Account"), S("Client")

#define FIELDS(...)                                                                     \
    .fields = sizeof((struct event_field[]){__VA_ARGS__}) / sizeof(struct event_field), \
    .field = {__VA_ARGS__}

// Ordered by id: event_find searches by halves.
static const struct event_definition catalogue[] = {
    {29168, EVENT_WARNING, "ResynchronizeNotCancellable",
     "The resynchronization of '%1' was not cancelled: %3 (Virtual machine ID %2, account %4, "
     "client %5)",
     FIELDS(VM, S("Reason"), WHO)},
    {29242, EVENT_INFORMATION, "ResynchronizeDiskStarted",
     "Starting resynchronization operation on VHD '%3' of VM '%1'. Starting Block = '%4'. Total "
     "blocks = '%5'. (Virtual machine ID %2)",
     FIELDS(VM, S("VhdPath"), N("StartingBlock"), N("TotalBlocks"), RESYNC)},
    {29244, EVENT_INFORMATION, "ResynchronizeDiskFinished",
     "Finished resynchronization operation on VHD = '%4' of VM '%1'. Blocks sent = %5. Duration = "
     "%6 seconds. Result %3. (Virtual machine ID %2)",
     FIELDS(VM, X("Result"), S("VhdPath"), N("BlocksSent"), N("Seconds"), RESYNC,
            N("BytesCompared"), N("BytesDifferent"), N("BytesSent"))},
    {29260, EVENT_ERROR, "DiskSizesDiffer",
     "The disk '%3' of '%1' cannot be resynchronized with '%4': the primary has %5 bytes in "
     "sectors of %7, the replica %6 bytes in sectors of %8. %9 (Virtual machine ID %2)",
     FIELDS(VM, S("VhdPath"), S("ReplicaVhd"), N("PrimarySize"), N("ReplicaSize"),
            N("PrimarySectorSize"), N("ReplicaSectorSize"), S("Action"))},
    {29266, EVENT_INFORMATION, "ResynchronizeStarted",
     "The resynchronization of '%1' with '%3' starts. (Virtual machine ID %2, resynchronization "
     "%4)",
     FIELDS(VM, S("ReplicaServer"), RESYNC)},
    {29268, EVENT_INFORMATION, "ResynchronizeFinished",
     "The resynchronization of '%1' has ended: %4. %5 (Result %3, virtual machine ID %2, "
     "resynchronization %6)",
     FIELDS(VM, X("Result"), S("CompletionState"), S("Status"), RESYNC)},
    {29270, EVENT_ERROR, "ResynchronizeFailed",
     "The resynchronization of '%1' failed and does not go on by itself: %3 Error code %4. %5 "
     "(Virtual machine ID %2)",
     FIELDS(VM, ERROR_FIELDS, S("Action"))},
    {29292, EVENT_ERROR, "ReplicaNotReachable",
     "The replica server '%5' cannot be reached at port %6 for '%1': %3 Error code %4. Check that "
     "its VRep service runs and listens at that port. (Virtual machine ID %2)",
     FIELDS(VM, ERROR_FIELDS, S("ReplicaServer"), N("ReplicaPort"))},
    {32074, EVENT_INFORMATION, "ReplicationEnabled",
     "Replication of '%1' is enabled on this server as %3 for %5 disk(s); the other server: %4. "
     "(Virtual machine ID %2, account %6, client %7)",
     FIELDS(VM, S("ReplicationMode"), S("PeerServer"), N("Disks"), WHO)},
    {32080, EVENT_INFORMATION, "ReplicationRemoved",
     "Replication of '%1' was removed from this server; its disks were kept. %3 (Virtual machine "
     "ID %2, account %4, client %5)",
     FIELDS(VM, S("Remark"), WHO)},
    {32082, EVENT_INFORMATION, "ResynchronizeCancelled",
     "The resynchronization of '%1' was cancelled; the replica's disks are what they were before "
     "it. (Virtual machine ID %2, account %3, client %4)",
     FIELDS(VM, WHO)},
    {32098, EVENT_ERROR, "RelationshipNotFound",
     "The server '%3' does not know '%1'. %4 (Virtual machine ID %2)",
     FIELDS(VM, S("PeerServer"), S("Action"))},
    {32315, EVENT_WARNING, "ReplicationWillRetry",
     "The resynchronization of '%1' was interrupted and is tried again in %3 minute(s): %4 Error "
     "code %5. (Virtual machine ID %2)",
     FIELDS(VM, N("Minutes"), ERROR_FIELDS)},
    {32316, EVENT_ERROR, "ResynchronizeStartFailed",
     "The resynchronization of '%1' could not be started: %3 Error code %4. %5 (Virtual machine ID "
     "%2)",
     FIELDS(VM, ERROR_FIELDS, S("Action"))},
    {32318, EVENT_ERROR, "ResynchronizeCompleteFailed",
     "The resynchronization of '%1' could not be completed: %3 Error code %4. %5 (Virtual machine "
     "ID %2)",
     FIELDS(VM, ERROR_FIELDS, S("Action"))},
    {32320, EVENT_WARNING, "ResynchronizeCancelFailed",
     "The resynchronization of '%1' could not be cancelled yet; the service keeps asking the "
     "replica, which alone can grant it: %3 Error code %4. %5 (Virtual machine ID %2)",
     FIELDS(VM, ERROR_FIELDS, S("Action"))},
    {32325, EVENT_INFORMATION, "ResynchronizeInitiated",
     "The resynchronization of '%1' with '%3' was initiated. (Virtual machine ID %2, account %4, "
     "client %5)",
     FIELDS(VM, S("ReplicaServer"), WHO)},
    {32326, EVENT_ERROR, "ResynchronizeRequired",
     "'%1' does not replicate until it is resynchronized; the reason: %3. (Virtual machine ID %2)",
     FIELDS(VM, S("Reason"))},
    {32328, EVENT_INFORMATION, "ResynchronizeCompleted",
     "'%1' is resynchronized: the disks on '%3' equal those of the primary. (Virtual machine ID "
     "%2, resynchronization %4)",
     FIELDS(VM, S("ReplicaServer"), RESYNC)},
    {32346, EVENT_ERROR, "SuspendedForSpace",
     "The resynchronization of '%1' is suspended because '%3' has too little room: %4 Make room, "
     "then resume replication. (Virtual machine ID %2)",
     FIELDS(VM, S("Volume"), S("ErrorMessage"))},
    {32390, EVENT_ERROR, "ReplicaChanged",
     "The replica of '%1' was written by somebody else, so nothing was done to it: %3 Find out "
     "which side is right; to give up the replica's contents, resume with --resynchronize "
     "--overwrite-replica. (Virtual machine ID %2)",
     FIELDS(VM, S("ErrorMessage"))},
    {32504, EVENT_WARNING, "RefusedWhileMerging",
     "A request for '%1' was refused while its resynchronization is merged into the replica's "
     "disks: %3 (Virtual machine ID %2, account %4, client %5)",
     FIELDS(VM, S("ErrorMessage"), WHO)},
    {32544, EVENT_ERROR, "DiskChangedWhileNotTracked",
     "The disk '%3' of '%1' was changed while nothing recorded the writes. Resume replication with "
     "resynchronization. (Virtual machine ID %2)",
     FIELDS(VM, S("VhdPath"))},
    {32546, EVENT_WARNING, "RefusedInState",
     "A request for '%1' is not possible in its present state: %3 (Virtual machine ID %2, account "
     "%4, client %5)",
     FIELDS(VM, S("ErrorMessage"), WHO)},
    {32570, EVENT_INFORMATION, "ReplicationSuspended",
     "Replication of '%1' was suspended. (Virtual machine ID %2, account %3, client %4)",
     FIELDS(VM, WHO)},
    {33422, EVENT_ERROR, "HealthResynchronizeRequired",
     "Resynchronization is required for the virtual machine %1. Resume replication to start "
     "resynchronization.",
     FIELDS(VM)},
    {33603, EVENT_WARNING, "ResynchronizeSuspended",
     "The resynchronization of '%1' is suspended: %3. What was sent is kept; resume replication to "
     "go on. (Virtual machine ID %2, account %4, client %5)",
     FIELDS(VM, S("Cause"), WHO)},
    {33604, EVENT_INFORMATION, "ResynchronizeResumed",
     "The resynchronization of '%1' goes on from where it was. (Virtual machine ID %2, account %3, "
     "client %4)",
     FIELDS(VM, WHO)},

    {50000, EVENT_INFORMATION, "ServiceStarted",
     "VRep %1 (%2) has started. It listens at %3, port %4, and serves %5 relationship(s). Disks "
     "are "
     "worked on by the backend '%6'.",
     FIELDS(S("Version"), S("ServiceInstance"), S("ListenAddress"), N("ListenPort"),
            N("Relationships"), S("DiskBackend"))},
    {50001, EVENT_INFORMATION, "ServiceStopped", "VRep %1 (%2) has stopped.",
     FIELDS(S("Version"), S("ServiceInstance"))},
    {50002, EVENT_INFORMATION, "SettingsChanged",
     "The settings of '%1' were changed: %3. (Virtual machine ID %2, account %4, client %5)",
     FIELDS(VM, S("Settings"), WHO)},
    {50003, EVENT_INFORMATION, "ServerSettingsChanged",
     "The settings of this server were changed: %1. (Account %2, client %3)",
     FIELDS(S("Settings"), WHO)},
    {50004, EVENT_ERROR, "StateFileUnreadable",
     "The state file '%1' was left as it is and is not served: %2 Error code %3. Put back a copy "
     "of it, or remove it and enable replication again.",
     FIELDS(S("Path"), ERROR_FIELDS)},
    {50005, EVENT_WARNING, "MergeStalled",
     "The merge into the replica's disks of '%1' makes no progress and is tried again in %5 "
     "minute(s): %3 Error code %4. (Virtual machine ID %2)",
     FIELDS(VM, ERROR_FIELDS, N("Minutes"))},
    {50006, EVENT_INFORMATION, "MergeRecovered",
     "The merge into the replica's disks of '%1' makes progress again. (Virtual machine ID %2)",
     FIELDS(VM)},
    {50007, EVENT_WARNING, "DiskNotVerified",
     "The disk '%3' of '%1' is in use or unreadable; whether it was changed is not known: %4 Error "
     "code %5. (Virtual machine ID %2)",
     FIELDS(VM, S("VhdPath"), ERROR_FIELDS)},
    {50008, EVENT_INFORMATION, "DiskVerifiedAgain",
     "The disks of '%1' can be looked at again. (Virtual machine ID %2)", FIELDS(VM)},
    {50009, EVENT_INFORMATION, "ReplicationResumed",
     "Replication of '%1' was resumed. (Virtual machine ID %2, account %3, client %4)",
     FIELDS(VM, WHO)},
    {50010, EVENT_WARNING, "ThreadAbandoned",
     "A thread of the service is still blocked (%1, %2) and was left behind; a disk or its driver "
     "does not answer. Look at that disk; the work goes on with the next start.",
     FIELDS(S("Purpose"), S("Object"))},
    {50011, EVENT_WARNING, "ConnectionRefusedBusy",
     "A connection from %1 was closed: %2 sessions are open already.",
     FIELDS(S("Peer"), N("Sessions"))},
    {50012, EVENT_ERROR, "ServiceStartFailed", "VRep could not start: %1 Error code %2. %3",
     FIELDS(ERROR_FIELDS, S("Action"))},
    {50013, EVENT_WARNING, "EventsLost",
     "%1 event(s) could not be written to the event file. Check the room on the volume of VRep's "
     "data folder and its health.",
     FIELDS(N("Count"))},
    {50020, EVENT_INFORMATION, "MergeBegun",
     "The merge into the replica's disks of '%1' has begun: %4 bytes on %5 disk(s). The "
     "resynchronization can no longer be cancelled. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, N("BytesToMerge"), N("Disks"))},
    {50021, EVENT_INFORMATION, "MergeFinished",
     "The merge into the replica's disks of '%1' has finished: %4 bytes in %5 seconds. (Virtual "
     "machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, N("BytesMerged"), N("Seconds"))},
    {50022, EVENT_WARNING, "MergeInterrupted",
     "The merge into the replica's disks of '%1' is interrupted and will be finished later: %4 "
     "Error code %5. %6 (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, ERROR_FIELDS, S("Action"))},
    {50023, EVENT_WARNING, "MergeFinishedElsewhere",
     "The differencing disk of '%4' of '%1' was merged or removed outside the service, so nothing "
     "was merged. Resynchronize to bring the disks in step. (Virtual machine ID %2, "
     "resynchronization %3)",
     FIELDS(VM, RESYNC, S("VhdPath"))},
    {50024, EVENT_WARNING, "ResynchronizeStalled",
     "The resynchronization of '%1' has made no progress for %4 seconds while %5. Look at the "
     "disks and the connection of both servers. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, N("Seconds"), S("Activity"))},
    {50025, EVENT_INFORMATION, "ResynchronizeRecovered",
     "The resynchronization of '%1' makes progress again after %4 seconds. (Virtual machine ID %2, "
     "resynchronization %3)",
     FIELDS(VM, RESYNC, N("Seconds"))},
    {50027, EVENT_WARNING, "ResynchronizeRestarted",
     "The resynchronization of '%1' starts again from block 0: %4 (Virtual machine ID %2, "
     "resynchronization %3)",
     FIELDS(VM, RESYNC, S("Reason"))},
    {50030, EVENT_INFORMATION, "ResynchronizeContinues",
     "The service was restarted and goes on with the resynchronization of '%1' (%4). (Virtual "
     "machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, S("Phase"))},
    {50032, EVENT_INFORMATION, "DiskLogReplayed",
     "The replica's disk '%3' of '%1' had not been closed in order; its log was replayed. (Virtual "
     "machine ID %2)",
     FIELDS(VM, S("VhdPath"))},
    {50033, EVENT_INFORMATION, "RoomNotReserved",
     "Room for the merge into '%4' of '%1' cannot be reserved on its volume and was only compared: "
     "%5 bytes are needed, %6 are free. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, S("VhdPath"), N("BytesNeeded"), N("BytesFree"))},
    {50034, EVENT_WARNING, "RoomMayNotSuffice",
     "If every block of '%1' differs, its resynchronization needs %5 bytes on the volume of '%4', "
     "which has %6 free. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, S("Volume"), N("BytesNeeded"), N("BytesFree"))},
    {50035, EVENT_WARNING, "VerificationFailed",
     "The %6 bytes at %5 written for '%4' of '%1' read back different and are sent once more. "
     "Check the replica's disk. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, S("VhdPath"), N("Offset"), N("Length"))},
    {50036, EVENT_WARNING, "DiskIdentityDiffers",
     "A guest sees the disk '%4' of '%1' and its replica '%5' as different disks: Virtual Disk ID "
     "%6 and %7, physical sectors of %8 and %9 bytes. It may then show the replica as a new disk, "
     "offline or under another letter. To copy the primary's identity, resume with "
     "--resynchronize --adopt-identity. (Virtual machine ID %2, resynchronization %3)",
     FIELDS(VM, RESYNC, S("VhdPath"), S("ReplicaVhd"), G("VirtualDiskId"),
            G("ReplicaVirtualDiskId"), N("PhysicalSectorSize"), N("ReplicaPhysicalSectorSize"))},
    {50040, EVENT_WARNING, "ClocksDiffer",
     "The clocks of this server and of '%1' differ by %2 seconds. Set them from one source; times "
     "in events and schedules mislead otherwise.",
     FIELDS(S("PeerServer"), N("Seconds"))},
    {50041, EVENT_WARNING, "PeerMisbehaved", "The connection of '%1' was ended: %2 Error code %3.",
     FIELDS(S("Peer"), ERROR_FIELDS)},
    {50043, EVENT_WARNING, "PrimaryRefused",
     "The primary server '%3' was refused for '%1': %4 (Virtual machine ID %2)",
     FIELDS(VM, S("PeerServer"), S("Reason"))},
    {50044, EVENT_INFORMATION, "RelationshipAdopted",
     "'%1' has met its primary server '%3' and adopted the virtual machine ID %2.",
     FIELDS(VM, S("PeerServer"))},
};

const struct event_definition *event_catalogue(size_t *count)
{
    *count = sizeof catalogue / sizeof catalogue[0];
    return catalogue;
}

static int compare_id(const void *key, const void *element)
{
    uint32_t id = *(const uint32_t *)key;
    uint32_t other = ((const struct event_definition *)element)->id;
    return id < other ? -1 : id > other;
}

const struct event_definition *event_find(uint32_t id)
{
    return bsearch(&id, catalogue, sizeof catalogue / sizeof catalogue[0], sizeof catalogue[0],
                   compare_id);
}
