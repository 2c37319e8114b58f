using System;
using System.Collections;
using System.Runtime.InteropServices;
using System.Text;

namespace VRep
{
    /// <summary>A connection to the service of this machine. Used by one thread at a time; Cancel may come from
    /// any.</summary>
    public sealed class Client : IDisposable
    {
        private const string Name = "PowerShell";

        private readonly ClientHandle handle;

        /// <param name="instance">Null or empty: the default instance.</param>
        public Client(string instance)
        {
            int status = Native.vrep_open(string.IsNullOrEmpty(instance) ? null : ToUtf8(instance), ToUtf8(Name),
                                          out handle);
            if (status != 0)
                throw Failure.FromJson(ToText(Native.vrep_open_error(IntPtr.Zero)));
        }

        /// <summary>The version of the client library, "0.1.0".</summary>
        public static string LibraryVersion
        {
            get { return ToText(Native.vrep_version()); }
        }

        /// <summary>Connects, sends one request of docs/control.md and gives its result as an object of
        /// <paramref name="resultType"/>; a failure is a <see cref="ServiceException"/>.</summary>
        public static object Request(string instance, IDictionary request, Type resultType)
        {
            return Json.Read(RequestText(instance, request), resultType, instance);
        }

        /// <summary>The same with the result as the JSON that it is.</summary>
        public static string RequestText(string instance, IDictionary request)
        {
            using (Client client = new Client(instance))
                return client.Send(Json.Write(request));
        }

        /// <summary>Follows a resynchronization until it is neither running nor queued; what it is then.</summary>
        /// <param name="progress">Called about every <paramref name="intervalMs"/>.</param>
        internal Replication Wait(string name, uint intervalMs, string instance, Action<Replication> progress)
        {
            ProgressCallback callback = (context, text) =>
            {
                progress((Replication)Json.Read(ToText(text), typeof(Replication), instance));
                return 1;
            };
            IntPtr last;
            int status = Native.vrep_wait(handle, ToUtf8(name), intervalMs, callback, IntPtr.Zero, out last);
            GC.KeepAlive(callback);
            return (Replication)Json.Read(Take(status, last), typeof(Replication), instance);
        }

        internal void Cancel()
        {
            Native.vrep_cancel(handle);
        }

        public void Dispose()
        {
            handle.Dispose();
        }

        private string Send(string request)
        {
            IntPtr reply;
            return Take(Native.vrep_request(handle, ToUtf8(request), 0, out reply), reply);
        }

        // The library's text as a string; the library's own copy is freed.
        private string Take(int status, IntPtr text)
        {
            if (status != 0)
                throw Failure.FromJson(ToText(Native.vrep_error(handle)));
            try
            {
                return ToText(text);
            }
            finally
            {
                Native.vrep_free(text);
            }
        }

        private static byte[] ToUtf8(string text)
        {
            return Encoding.UTF8.GetBytes(text + "\0");
        }

        private static string ToText(IntPtr utf8)
        {
            int length = 0;
            while (Marshal.ReadByte(utf8, length) != 0)
                length++;
            byte[] bytes = new byte[length];
            Marshal.Copy(utf8, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }
    }
}
