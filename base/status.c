#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status_os.h"
#include "base/utf.h"

static _Thread_local struct status_details last;

static void set_text(char *target, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);

// The arguments may point into `target` (a message built from the last one), hence the copy.
static void set_text(char *target, size_t size, const char *format, va_list args)
{
    char text[STATUS_MESSAGE_MAX];
    if (vsnprintf(text, size < sizeof text ? size : sizeof text, format, args) < 0)
        text[0] = '\0';
    utf8_make_valid(
        text); // names of files and of peers are in it, and the cut may have split a character
    memcpy(target, text, strlen(text) + 1);
}

static void append_text(const char *separator, const char *text)
{
    size_t used = strlen(last.message);
    snprintf(last.message + used, sizeof last.message - used, "%s%s", separator, text);
    utf8_make_valid(last.message);
}

static void begin(enum status status, uint32_t os_code)
{
    last.status = status;
    last.os_code = os_code;
    last.event_id = 0;
    last.action[0] = '\0';
}

enum status status_fail(enum status status, uint32_t os_code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(last.message, sizeof last.message, format, args);
    va_end(args);
    begin(status, os_code);
    return status;
}

// What to do where the caller knows nothing better.
static const char *advice_of(enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return "Check that it exists, and how it is spelled.";
    case STATUS_ACCESS_DENIED:
        return "Check its permissions and those of its folder.";
    case STATUS_IN_USE:
        return "End the program that holds it, then try again.";
    case STATUS_NO_SPACE:
        return "Make room on its volume.";
    case STATUS_IO:
        return "Check the device and the system's log.";
    default:
        return "";
    }
}

enum status status_record_system(enum status status, uint32_t os_code, const char *system_text,
                                 const char *format, va_list args)
{
    set_text(last.message, sizeof last.message, format, args);
    begin(status, os_code);
    snprintf(last.action, sizeof last.action, "%s", advice_of(status));
    if (system_text[0] != '\0') {
        append_text(": ", system_text);
        if (system_text[strlen(system_text) - 1] != '.')
            append_text(".", "");
    }
    return status;
}

static enum status status_of_errno(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EFBIG: // the file system's or the user's largest file
#ifdef EDQUOT
    case EDQUOT:
#endif
        return STATUS_NO_SPACE;
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return STATUS_ACCESS_DENIED;
    case EEXIST:
    case ENOTEMPTY:
        return STATUS_EXISTS;
    case EAGAIN:
    case EBUSY:
    case ETXTBSY:
    case EADDRINUSE:
        return STATUS_IN_USE;
    case ENOMEM:
        return STATUS_OUT_OF_MEMORY;
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case ENOTCONN:
    case ENETDOWN:
    case ENETUNREACH:
    case ENETRESET:
    case EHOSTUNREACH:
    case ETIMEDOUT: // a connection that timed out is a connection to be tried again
        return STATUS_CONNECTION;
    case EINVAL:
    case ENAMETOOLONG:
        return STATUS_INVALID_ARGUMENT;
    default:
        return STATUS_IO;
    }
}

enum status status_fail_errno(int error_number, const char *format, ...)
{
    char system_text[STATUS_SYSTEM_TEXT_MAX];
    status_errno_text(error_number, system_text, sizeof system_text);
    va_list args;
    va_start(args, format);
    enum status status = status_record_system(status_of_errno(error_number), (uint32_t)error_number,
                                              system_text, format, args);
    va_end(args);
    return status;
}

enum status status_no_memory(const char *what)
{
    return status_fail(STATUS_OUT_OF_MEMORY, 0, "There is not enough memory for %s.", what);
}

enum status status_advise(uint32_t event_id, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_text(last.action, sizeof last.action, format, args);
    va_end(args);
    if (event_id != 0)
        last.event_id = event_id;
    return last.status;
}

enum status status_context(const char *format, ...)
{
    char message[STATUS_MESSAGE_MAX];
    memcpy(message, last.message, sizeof message);
    va_list args;
    va_start(args, format);
    set_text(last.message, sizeof last.message, format, args);
    va_end(args);
    append_text(": ", message);
    return last.status;
}

const struct status_details *status_last(void)
{
    return &last;
}

enum status status_restore(const struct status_details *details)
{
    last = *details;
    last.message[sizeof last.message - 1] = '\0';
    last.action[sizeof last.action - 1] = '\0';
    utf8_make_valid(last.message);
    utf8_make_valid(last.action);
    return last.status;
}

static const struct {
    enum status status;
    const char *name;
} names[] = {
#define X(constant, name, number) {constant, name},
    STATUS_MAP(X)
#undef X
};

const char *status_name(enum status status)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].status == status)
            return names[i].name;
    }
    return "Internal";
}

enum status status_from_name(const char *name)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i].name, name) == 0)
            return names[i].status;
    }
    return STATUS_INTERNAL;
}
