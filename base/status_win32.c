#include "base/status_os.h"

#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os_win32.h"
#include "base/utf.h"

#define ERROR_DISK_QUOTA_EXCEEDED 1295 // absent from mingw-w64 10's winerror.h

void status_errno_text(int error_number, char *text, size_t size)
{
    if (strerror_s(text, size, error_number) != 0)
        text[0] = '\0';
}

// FormatMessageW's text in UTF-8, without the line end; "Error 0x..." when Windows knows none.
static void win32_text(DWORD error_code, char *text, size_t size)
{
    WCHAR wide[STATUS_SYSTEM_TEXT_MAX];
    DWORD units = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS |
                                     FORMAT_MESSAGE_MAX_WIDTH_MASK,
                                 NULL, error_code, 0, wide, STATUS_SYSTEM_TEXT_MAX, NULL);
    while (units > 0 && wide[units - 1] <= L' ')
        units--;
    char *utf8 = units > 0 ? utf16_to_utf8(wide, units) : NULL;
    if (utf8)
        snprintf(text, size, "%s", utf8);
    else
        snprintf(text, size, "Error 0x%08lX", error_code);
    free(utf8);
}

static enum status status_of_win32(DWORD error_code)
{
    switch (error_code) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
    case ERROR_BAD_NETPATH:
    case ERROR_BAD_NET_NAME:
    case ERROR_NOT_READY:
    case WSAHOST_NOT_FOUND:
    case WSANO_DATA:
        return STATUS_NOT_FOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_WRITE_PROTECT:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_LOGON_FAILURE:
    case WSAEACCES:
        return STATUS_ACCESS_DENIED;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
    case ERROR_DELETE_PENDING:
    case ERROR_BUSY:
    case WSAEADDRINUSE:
        return STATUS_IN_USE;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_DISK_QUOTA_EXCEEDED:
    case ERROR_FILE_TOO_LARGE:
        return STATUS_NO_SPACE;
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
    case ERROR_DIR_NOT_EMPTY:
        return STATUS_EXISTS;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_NO_SYSTEM_RESOURCES:
        return STATUS_OUT_OF_MEMORY;
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED:
        return STATUS_UNSUPPORTED;
    case ERROR_INVALID_NAME:
    case ERROR_INVALID_PARAMETER:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_BAD_PATHNAME:
        return STATUS_INVALID_ARGUMENT;
    case ERROR_SEM_TIMEOUT:
    case WAIT_TIMEOUT:
        return STATUS_TIMEOUT;
    case ERROR_OPERATION_ABORTED:
    case ERROR_CANCELLED:
        return STATUS_CANCELLED;
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED:
    case ERROR_NETNAME_DELETED:
    case ERROR_UNEXP_NET_ERR:
    case WSAECONNREFUSED:
    case WSAECONNRESET:
    case WSAECONNABORTED:
    case WSAENOTCONN:
    case WSAENETDOWN:
    case WSAENETUNREACH:
    case WSAENETRESET:
    case WSAEHOSTUNREACH:
    case WSAEHOSTDOWN:
    case WSAETIMEDOUT: // a connection that timed out is a connection to be tried again
    case WSATRY_AGAIN:
        return STATUS_CONNECTION;
    default:
        return STATUS_IO;
    }
}

enum status status_fail_win32(DWORD error_code, const char *format, ...)
{
    char system_text[STATUS_SYSTEM_TEXT_MAX];
    win32_text(error_code, system_text, sizeof system_text);
    va_list args;
    va_start(args, format);
    enum status status =
        status_record_system(status_of_win32(error_code), error_code, system_text, format, args);
    va_end(args);
    return status;
}
