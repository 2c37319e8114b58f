// The C interface of ps/client/vrep.h, as it is.
using System;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

// The library lies beside this assembly; nowhere else is looked for it but in Windows' own folder, so that none
// that somebody has planted elsewhere is loaded.
[assembly: DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.System32)]

namespace VRep
{
    internal sealed class ClientHandle : SafeHandleZeroOrMinusOneIsInvalid
    {
        private ClientHandle() : base(true)
        {
        }

        protected override bool ReleaseHandle()
        {
            Native.vrep_close(handle);
            return true;
        }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    internal delegate int ProgressCallback(IntPtr context, IntPtr relationship);

    internal static class Native
    {
        private const string Library = "vrep"; // vrep.dll, libvrep.so

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vrep_version();

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vrep_open(byte[] instance, byte[] clientName, out ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vrep_request(ClientHandle client, byte[] request, uint timeoutMs,
                                                out IntPtr reply);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern int vrep_wait(ClientHandle client, byte[] name, uint intervalMs,
                                             ProgressCallback progress, IntPtr context, out IntPtr relationship);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vrep_cancel(ClientHandle client);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vrep_error(ClientHandle client);

        [DllImport(Library, EntryPoint = "vrep_error", CallingConvention = CallingConvention.Cdecl)]
        internal static extern IntPtr vrep_open_error(IntPtr noClient);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vrep_free(IntPtr text);

        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]
        internal static extern void vrep_close(IntPtr client);
    }
}
