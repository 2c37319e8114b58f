#include "installer/actions/run.h"

#include <string.h>

#define READ_SIZE 4096

struct lines {
    const struct run_listener *listener;
    size_t size;
    char bytes[RUN_LINE_MAX];
    WCHAR text[RUN_LINE_MAX + 1]; // never more units than bytes
};

static void end_line(struct lines *lines)
{
    size_t size = lines->size;
    if (size > 0 && lines->bytes[size - 1] == '\r')
        size--;
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, lines->bytes, (int)size,
                                    lines->text, RUN_LINE_MAX);
    if (units == 0)
        units =
            MultiByteToWideChar(CP_OEMCP, 0, lines->bytes, (int)size, lines->text, RUN_LINE_MAX);
    lines->text[units] = L'\0';
    lines->size = 0;
    if (units > 0)
        lines->listener->line(lines->listener->context, lines->text);
}

static void take(struct lines *lines, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n')
            end_line(lines);
        else if (lines->size < RUN_LINE_MAX)
            lines->bytes[lines->size++] = data[i];
    }
}

static void read_all(HANDLE pipe, struct lines *lines)
{
    char data[READ_SIZE];
    DWORD got;
    while (ReadFile(pipe, data, sizeof data, &got, NULL) && got > 0)
        take(lines, data, got);
    end_line(lines);
}

static bool start(WCHAR *command_line, HANDLE output, PROCESS_INFORMATION *process)
{
    STARTUPINFOW startup = {.cb = sizeof startup,
                            .dwFlags = STARTF_USESTDHANDLES,
                            .hStdOutput = output,
                            .hStdError = output};
    return CreateProcessW(NULL, command_line, NULL, NULL, TRUE, CREATE_NO_WINDOW, NULL, NULL,
                          &startup, process) != FALSE;
}

bool run_program(WCHAR *command_line, const struct run_listener *listener, DWORD *code)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    PROCESS_INFORMATION process;
    HANDLE ours, theirs;
    struct lines *lines = HeapAlloc(GetProcessHeap(), 0, sizeof *lines);
    if (!lines || !CreatePipe(&ours, &theirs, &inherited, 0)) {
        *code = lines ? GetLastError() : ERROR_OUTOFMEMORY;
        HeapFree(GetProcessHeap(), 0, lines);
        return false;
    }
    lines->listener = listener;
    lines->size = 0;
    SetHandleInformation(ours, HANDLE_FLAG_INHERIT, 0);
    bool started = start(command_line, theirs, &process);
    *code = started ? 0 : GetLastError();
    CloseHandle(theirs); // the end of the program is the end of the pipe
    if (started) {
        read_all(ours, lines);
        WaitForSingleObject(process.hProcess, INFINITE);
        if (!GetExitCodeProcess(process.hProcess, code))
            *code = GetLastError();
        CloseHandle(process.hThread);
        CloseHandle(process.hProcess);
    }
    CloseHandle(ours);
    HeapFree(GetProcessHeap(), 0, lines);
    return started;
}
