// The one status type. A function that can fail returns `enum status`; the details of a failure
// (message, code of the operating system or of the disk format, what to do) are kept for the
// calling thread until its next failure.
#ifndef VREP_BASE_STATUS_H
#define VREP_BASE_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
// winnt.h has macros with NTSTATUS values, STATUS_TIMEOUT among them, unless it is told not to.
#ifndef WIN32_NO_STATUS
#define WIN32_NO_STATUS
#endif
#undef STATUS_TIMEOUT
#endif

#if defined(__GNUC__)
#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#if defined(__clang__)
#undef PRINTF_LIKE
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#endif
#else
#define MUST_CHECK
#define PRINTF_LIKE(fmt, args)
#endif

// X(constant, name on the wire and in JSON, number). Numbers are stable and never reused.
#define STATUS_MAP(X)                                                                            \
    X(STATUS_OK, "Ok", 0)                                                                        \
    X(STATUS_INVALID_ARGUMENT, "InvalidArgument", 1) /* a wrong argument, setting or request */  \
    X(STATUS_OUT_OF_MEMORY, "OutOfMemory", 2)                                                    \
    X(STATUS_IO, "IoError", 3)         /* the operating system failed a read or write */         \
    X(STATUS_NOT_FOUND, "NotFound", 4) /* file, relationship, host name */                       \
    X(STATUS_EXISTS, "AlreadyExists", 5)                                                         \
    X(STATUS_ACCESS_DENIED, "AccessDenied", 6)                                                   \
    X(STATUS_IN_USE, "InUse", 7)             /* somebody else holds the file */                  \
    X(STATUS_NO_SPACE, "NoSpace", 8)         /* the volume is full */                            \
    X(STATUS_DAMAGED, "Damaged", 9)          /* a disk, log or state file breaks its format */   \
    X(STATUS_UNSUPPORTED, "Unsupported", 10) /* well-formed, but not something we handle */      \
    X(STATUS_NOT_A_DISK, "NotADisk", 11)     /* neither VHD nor VHDX */                          \
    X(STATUS_PARENT_MISSING, "ParentMissing", 12)                                                \
    X(STATUS_PARENT_MISMATCH, "ParentMismatch", 13) /* linkage broken: the parent was changed */ \
    X(STATUS_MISMATCH, "Mismatch", 14)              /* sizes or sector sizes of a pair differ */ \
    X(STATUS_REFUSED, "Refused", 15)                /* not possible in the present state */      \
    X(STATUS_CONNECTION, "Connection", 16) /* peer unreachable or connection lost: retry */      \
    X(STATUS_PROTOCOL, "Protocol", 17)     /* the peer broke the protocol */                     \
    X(STATUS_VERSION, "Version", 18)       /* no common version */                               \
    X(STATUS_TIMEOUT, "Timeout", 19)                                                             \
    X(STATUS_CANCELLED, "Cancelled", 20)            /* stopped because somebody asked for it */  \
    X(STATUS_VERIFY_FAILED, "VerifyFailed", 21)     /* what was written reads back different */  \
    X(STATUS_REPLICA_CHANGED, "ReplicaChanged", 22) /* split-brain guard, event 32390 */         \
    X(STATUS_UNAVAILABLE, "Unavailable", 23)        /* the service is not running */             \
    X(STATUS_INTERNAL, "Internal", 24)

enum status {
#define X(constant, name, number) constant = number,
    STATUS_MAP(X)
#undef X
};

#define STATUS_MESSAGE_MAX 1024
#define STATUS_ACTION_MAX  512

// What is known of a failure. Texts are UTF-8 and complete sentences.
struct status_details {
    enum status status;
    uint32_t os_code; // errno, GetLastError() or ERROR_VHD_* (0xC03A00xx); 0 when there is none
    uint32_t
        event_id; // the event that tells administrators of this condition; 0 when there is none
    char message[STATUS_MESSAGE_MAX]; // what failed, on which object, why
    char action[STATUS_ACTION_MAX];   // what to do about it; may be empty
};

// Records a failure for the calling thread and returns `status`, so that a failing line is one
// statement. `os_code`: see struct status_details. The action is cleared; add it with
// status_advise.
enum status status_fail(enum status status, uint32_t os_code, const char *format, ...)
    PRINTF_LIKE(3, 4);

// The same for a failed call of the operating system: maps errno (POSIX) to a status and appends
// its text. On Windows, errno is used only by C library calls; files named *_win32.c use
// status_fail_win32 (base/os_win32.h). A time-out of a connection is STATUS_CONNECTION, for it is
// tried again like a lost one.
enum status status_fail_errno(int error_number, const char *format, ...) PRINTF_LIKE(2, 3);

// Out of memory while doing `what` ("the block allocation table"). Returns STATUS_OUT_OF_MEMORY.
enum status status_no_memory(const char *what);

// Adds what to do, and optionally the event id, to the failure just recorded; returns its status.
enum status status_advise(uint32_t event_id, const char *format, ...) PRINTF_LIKE(2, 3);

// Puts "context: " before the message of the failure just recorded; returns its status.
enum status status_context(const char *format, ...) PRINTF_LIKE(1, 2);

// The calling thread's last failure. Never NULL; valid until the thread's next status_* call that
// records.
const struct status_details *status_last(void);

// Copies details recorded elsewhere (another thread, the peer) into the calling thread; returns
// details->status.
enum status status_restore(const struct status_details *details);

// "NotFound" for STATUS_NOT_FOUND; "Internal" for unknown numbers. Static storage.
const char *status_name(enum status status);

// The reverse of status_name; unknown names become STATUS_INTERNAL.
enum status status_from_name(const char *name);

#endif
