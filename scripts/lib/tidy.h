/*
 * What clang-tidy is told beyond the sources (tidy.sh includes it first): the functions that record a failure never
 * return STATUS_OK. Without that it follows paths where a function fails and its caller goes on as if it had not.
 */
#include "base/status.h"
#ifdef _WIN32
#include "base/os_win32.h"
#endif

#define TIDY_FAILS(call)                                                                           \
    ({                                                                                             \
        enum status tidy_status = (call);                                                          \
        if (tidy_status == STATUS_OK)                                                              \
            __builtin_unreachable();                                                               \
        tidy_status;                                                                               \
    })
#define status_fail(...) TIDY_FAILS(status_fail(__VA_ARGS__))
#define status_fail_errno(...) TIDY_FAILS(status_fail_errno(__VA_ARGS__))
#define status_fail_win32(...) TIDY_FAILS(status_fail_win32(__VA_ARGS__))
#define status_context(...) TIDY_FAILS(status_context(__VA_ARGS__))
#define status_restore(...) TIDY_FAILS(status_restore(__VA_ARGS__))
#define status_no_memory(...) TIDY_FAILS(status_no_memory(__VA_ARGS__))
#define status_advise(...) TIDY_FAILS(status_advise(__VA_ARGS__))
