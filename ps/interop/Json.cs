using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Management.Automation;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Text;

namespace VRep
{
    /// <summary>What knows from which instance of the service it came.</summary>
    internal interface IFromInstance
    {
        void SetInstance(string instance);
    }

    /// <summary>The texts that the library takes and gives.</summary>
    public static class Json
    {
        private static readonly DataContractJsonSerializerSettings Settings = new DataContractJsonSerializerSettings
        {
            // The service's times are UTC; an administrator's are local.
            DateTimeFormat = new DateTimeFormat("yyyy-MM-dd'T'HH:mm:ss.FFFK", CultureInfo.InvariantCulture)
            {
                DateTimeStyles = DateTimeStyles.AssumeUniversal
            },
            UseSimpleDictionaryFormat = true,
            EmitTypeInformation = EmitTypeInformation.Never,
            KnownTypes = new[] { typeof(string[]), typeof(int[]), typeof(int[][]) }
        };

        /// <summary>An object of <paramref name="type"/> from a result of <paramref name="instance"/>.</summary>
        public static object Read(string text, Type type, string instance)
        {
            using (MemoryStream stream = new MemoryStream(Encoding.UTF8.GetBytes(text)))
            {
                object result = new DataContractJsonSerializer(type, Settings).ReadObject(stream);
                IFromInstance known = result as IFromInstance;
                if (known != null)
                    known.SetInstance(instance);
                return result;
            }
        }

        /// <summary>Keys are names of members; a value is a string, number or boolean, or an array of strings, of
        /// numbers, or of arrays of numbers.</summary>
        internal static string Write(IDictionary members)
        {
            Dictionary<string, object> plain = new Dictionary<string, object>();
            foreach (DictionaryEntry member in members)
            {
                PSObject wrapped = member.Value as PSObject;
                plain[(string)member.Key] = wrapped == null ? member.Value : wrapped.BaseObject;
            }
            using (MemoryStream stream = new MemoryStream())
            {
                new DataContractJsonSerializer(typeof(Dictionary<string, object>), Settings)
                    .WriteObject(stream, plain);
                return Encoding.UTF8.GetString(stream.ToArray());
            }
        }
    }
}
