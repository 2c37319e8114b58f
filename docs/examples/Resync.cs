// Resynchronizes a relationship and shows its progress as JSON: Resync NAME [INSTANCE]
//
// Exit code 0: it came to its end. vrep.dll (libvrep.so) lies where the system looks for libraries.
using System;
using System.Runtime.InteropServices;
using System.Text;

static class Native
{
    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    public delegate int Progress(IntPtr context, IntPtr relationship);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern int vrep_open(byte[] instance, byte[] clientName, out IntPtr client);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern int vrep_request(IntPtr client, byte[] request, uint timeoutMs, out IntPtr reply);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern int vrep_wait(IntPtr client, byte[] name, uint intervalMs, Progress progress, IntPtr context,
                                       out IntPtr relationship);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern IntPtr vrep_error(IntPtr client);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern void vrep_free(IntPtr text);

    [DllImport("vrep", CallingConvention = CallingConvention.Cdecl)]
    public static extern void vrep_close(IntPtr client);
}

static class Resync
{
    // The library speaks UTF-8, whatever the system's code page is.
    static byte[] ToUtf8(string text)
    {
        return text == null ? null : Encoding.UTF8.GetBytes(text + "\0");
    }

    static string FromUtf8(IntPtr text)
    {
        int length = 0;
        while (Marshal.ReadByte(text, length) != 0)
            length++;
        var bytes = new byte[length];
        Marshal.Copy(text, bytes, 0, length);
        return Encoding.UTF8.GetString(bytes);
    }

    static string Take(IntPtr text)
    {
        string value = FromUtf8(text);
        Native.vrep_free(text);
        return value;
    }

    static void Check(int result, IntPtr client)
    {
        if (result != 0)
            throw new InvalidOperationException(FromUtf8(Native.vrep_error(client)));
    }

    static string Quote(string text)
    {
        return "\"" + text.Replace("\\", "\\\\").Replace("\"", "\\\"") + "\"";
    }

    static int Show(IntPtr context, IntPtr relationship)
    {
        Console.WriteLine(FromUtf8(relationship));
        return 1; // 0 would end the wait; the resynchronization goes on
    }

    static void Run(IntPtr client, string name)
    {
        IntPtr text;
        string request = "{\"verb\": \"resume\", \"name\": " + Quote(name) + ", \"resynchronize\": true}";
        Check(Native.vrep_request(client, ToUtf8(request), 0, out text), client);
        Native.vrep_free(text);
        Native.Progress show = Show; // kept alive while the library may call it
        Check(Native.vrep_wait(client, ToUtf8(name), 200, show, IntPtr.Zero, out text), client);
        GC.KeepAlive(show);
        Console.WriteLine(Take(text));
    }

    static int Main(string[] arguments)
    {
        if (arguments.Length < 1 || arguments.Length > 2)
        {
            Console.Error.WriteLine("Usage: Resync NAME [INSTANCE]");
            return 2;
        }
        IntPtr client = IntPtr.Zero;
        try
        {
            string instance = arguments.Length > 1 ? arguments[1] : null;
            Check(Native.vrep_open(ToUtf8(instance), ToUtf8("Resync.exe"), out client), IntPtr.Zero);
            Run(client, arguments[0]);
            return 0;
        }
        catch (InvalidOperationException failure)
        {
            Console.Error.WriteLine(failure.Message);
            return 1;
        }
        finally
        {
            if (client != IntPtr.Zero)
                Native.vrep_close(client);
        }
    }
}
