// What of Windows the sinks and the registration use, in one table, so that a test's own can stand
// in its place: whoever links event_windows() first. The firewall's
// rule (service/configure) uses it, too.
#ifndef VREP_ETW_WINDOWS_WIN32_H
#define VREP_ETW_WINDOWS_WIN32_H

#include <windows.h>
#include <evntprov.h>

#include "etw/sink.h"

struct event_windows {
    ULONG(WINAPI *event_register)
    (LPCGUID provider, PENABLECALLBACK callback, PVOID context, PREGHANDLE handle);
    ULONG(WINAPI *event_unregister)(REGHANDLE handle);
    ULONG(WINAPI *event_write)
    (REGHANDLE handle, PCEVENT_DESCRIPTOR descriptor, ULONG count, PEVENT_DATA_DESCRIPTOR data);
    HANDLE(WINAPI *register_source)(LPCWSTR server, LPCWSTR name);
    BOOL(WINAPI *deregister_source)(HANDLE source);
    BOOL(WINAPI *report_event)
    (HANDLE source, WORD type, WORD category, DWORD id, PSID user, WORD count, DWORD size,
     LPCWSTR *strings, LPVOID data);
    HKEY machine;                              // HKEY_LOCAL_MACHINE
    enum status (*program_folder)(char **out); // os_program_folder
    // Runs a program by its full path and waits for its end; `quiet`: what it prints is dropped.
    // *code: its exit code.
    enum status (*run)(const WCHAR *program, WCHAR *command_line, bool quiet, DWORD *code);
};

const struct event_windows *event_windows(void);

// Opens a key that the registration of the provider leaves below WINEVT, such as
// "Channels\VRep/Admin"; NULL: it is not there.
HKEY event_registration_key(const char *path);

// The provider's own key, Publishers\{guid}.
HKEY event_provider_key(void);

// Events of the manifest. NULL: the system refuses the registration.
struct event_sink *sink_etw_open(void);

// Records in the Application log whose texts are those of vrep-events.dll, if somebody registers it
// as the source's message file. NULL where the provider is registered, so that nothing appears
// twice; looked at once, here.
struct event_sink *sink_classic_open(void);

#endif
