// The entry points of vrep-actions.dll, custom actions of type "DLL in the Binary table". All are
// called by the installer's server process; none of them shows anything but through the installer.
#ifndef VREP_INSTALLER_ACTIONS_ACTIONS_H
#define VREP_INSTALLER_ACTIONS_ACTIONS_H

#include <windows.h>
#include <msi.h>

// Immediate, before StopServices: sets the property ServiceWasRunning to 1 when the service VRep
// runs or is about to, so that an upgrade leaves it as it was. Always succeeds.
UINT WINAPI RememberService(MSIHANDLE install);

// Deferred, after StopServices: waits until the service VRep has stopped and the file that
// CustomActionData names, its program, can be replaced: a process outlives its last word to the
// manager by a moment, and a file in use would wait for a restart. Always succeeds; what is in use
// nevertheless is told in the log.
UINT WINAPI AwaitStop(MSIHANDLE install);

// Deferred: runs the command line of CustomActionData and waits for its end, however long that
// takes (a merge is finished first). Each line that the program prints goes to the installation's
// log. When it fails, what it printed is the error that ends the installation with 1603.
UINT WINAPI Configure(MSIHANDLE install);

// Deferred or rollback: the same, but a failure is told in the log and the installation goes on.
UINT WINAPI ConfigureIgnore(MSIHANDLE install);

#endif
