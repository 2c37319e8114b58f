// Loads a library and keeps it until its input ends, as a PowerShell window does: tool_hold
// FILE.DLL
#include <windows.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    if (argc != 2 || !LoadLibraryA(argv[1])) {
        fprintf(stderr, "tool_hold: Windows error %lu\n", GetLastError());
        return 1;
    }
    puts("loaded");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
