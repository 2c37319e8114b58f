using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Runtime.Serialization;
using System.Text.RegularExpressions;

namespace VRep
{
    /// <summary>A failure as the service and its library tell it (docs/control.md).</summary>
    [DataContract]
    public sealed class Failure
    {
        [DataMember(Name = "code")] public string Code { get; internal set; }
        [DataMember(Name = "message")] public string Message { get; internal set; }
        [DataMember(Name = "action")] public string Action { get; internal set; }
        [DataMember(Name = "osCode")] public long OSCode { get; internal set; }
        [DataMember(Name = "eventId")] public int EventId { get; internal set; }

        internal static ServiceException FromJson(string text)
        {
            return new ServiceException((Failure)Json.Read(text, typeof(Failure), null));
        }

        public override string ToString()
        {
            return Message;
        }
    }

    /// <summary>A failure of a request, or of a resynchronization that was followed.</summary>
    public sealed class ServiceException : Exception
    {
        private struct Meaning
        {
            internal string Id;
            internal ErrorCategory Category;
        }

        // By the code's name; others keep it as their id.
        private static readonly Dictionary<string, Meaning> Meanings = new Dictionary<string, Meaning>
        {
            { "InvalidArgument", new Meaning { Category = ErrorCategory.InvalidArgument } },
            { "OutOfMemory", new Meaning { Category = ErrorCategory.ResourceUnavailable } },
            { "IoError", new Meaning { Category = ErrorCategory.DeviceError } },
            { "NotFound", new Meaning { Category = ErrorCategory.ObjectNotFound } },
            { "AlreadyExists", new Meaning { Category = ErrorCategory.ResourceExists } },
            { "AccessDenied", new Meaning { Category = ErrorCategory.PermissionDenied } },
            { "InUse", new Meaning { Id = "DiskInUse", Category = ErrorCategory.ResourceBusy } },
            { "NoSpace", new Meaning { Category = ErrorCategory.LimitsExceeded } },
            { "Damaged", new Meaning { Id = "DiskDamaged", Category = ErrorCategory.InvalidData } },
            { "Unsupported", new Meaning { Category = ErrorCategory.InvalidArgument } },
            { "NotADisk", new Meaning { Category = ErrorCategory.InvalidData } },
            { "ParentMissing", new Meaning { Category = ErrorCategory.ObjectNotFound } },
            { "ParentMismatch", new Meaning { Category = ErrorCategory.InvalidData } },
            { "Mismatch", new Meaning { Id = "DiskMismatch", Category = ErrorCategory.InvalidData } },
            { "Refused", new Meaning { Category = ErrorCategory.InvalidOperation } },
            { "Connection", new Meaning { Category = ErrorCategory.ConnectionError } },
            { "Protocol", new Meaning { Category = ErrorCategory.ProtocolError } },
            { "Version", new Meaning { Id = "VersionMismatch", Category = ErrorCategory.ProtocolError } },
            { "Timeout", new Meaning { Category = ErrorCategory.OperationTimeout } },
            { "Cancelled", new Meaning { Category = ErrorCategory.OperationStopped } },
            { "VerifyFailed", new Meaning { Category = ErrorCategory.InvalidResult } },
            { "ReplicaChanged", new Meaning { Category = ErrorCategory.InvalidOperation } },
            { "Unavailable", new Meaning { Id = "ServiceNotRunning", Category = ErrorCategory.ResourceUnavailable } }
        };

        /// <summary>What a resynchronization that was followed did not come to.</summary>
        internal static ServiceException OfEnd(Replication r)
        {
            return new ServiceException(r.LastError ?? new Failure
            {
                Code = "Cancelled",
                Message = "The resynchronization of \"" + r.VMName + "\" has not come to its end; its state is " +
                          r.ReplicationState + (r.ResynchronizeSuspendCause == null
                                                    ? "."
                                                    : " (" + r.ResynchronizeSuspendCause + ")."),
                Action = r.ReplicationState == ReplicationState.ResynchronizeSuspended
                             ? "To go on: vrepctl resume \"" + r.VMName + "\""
                             : ""
            });
        }

        /// <summary>A comparison that was followed and came to no end.</summary>
        internal static ServiceException OfComparison(Replication r)
        {
            Failure cause = r.LastComparison == null ? null : r.LastComparison.Error;
            string outcome = r.LastComparison == null ? "Interrupted" : r.LastComparison.Outcome;
            return new ServiceException(new Failure
            {
                Code = cause == null ? "Cancelled" : cause.Code,
                Message = "The comparison of \"" + r.VMName + "\" has ended without a result: " + outcome + "." +
                          (cause == null ? "" : " " + cause.Message),
                Action = cause == null || string.IsNullOrEmpty(cause.Action)
                             ? "To compare again: vrepctl compare \"" + r.VMName + "\""
                             : cause.Action,
                OSCode = cause == null ? 0 : cause.OSCode,
                EventId = cause == null ? 0 : cause.EventId
            });
        }

        /// <summary>A failure that was noticed here and not by the service; <paramref name="code"/> is one of its
        /// codes.</summary>
        public ServiceException(string code, string message, string action)
            : this(new Failure { Code = code, Message = message, Action = action })
        {
        }

        public ServiceException(Failure failure) : base(failure.Message ?? failure.Code ?? "Unknown failure.")
        {
            Failure = failure;
        }

        public Failure Failure { get; private set; }

        /// <summary>The record to write; <paramref name="target"/> is the object that the request was for.</summary>
        public ErrorRecord ToErrorRecord(object target)
        {
            string code = Failure.Code ?? "Internal";
            Meaning meaning;
            Meanings.TryGetValue(code, out meaning); // NotSpecified for an unknown one
            ErrorRecord record = new ErrorRecord(this, "VRep." + (meaning.Id ?? code), meaning.Category, target);
            ErrorDetails details = new ErrorDetails(Cmdlets.InText(Message));
            details.RecommendedAction = Cmdlets.InText(Failure.Action ?? "");
            record.ErrorDetails = details;
            return record;
        }
    }

    /// <summary>The service names commands of vrepctl; here the same are cmdlets.</summary>
    internal static class Cmdlets
    {
        private static readonly Regex Command = new Regex(
            "vrepctl (enable|status|resume|suspend|stop|remove|set|events|compare)\\b(?: \"([^\"]*)\")?");

        private static readonly Regex Option = new Regex("--[a-z][a-z-]*");

        private static readonly Dictionary<string, string> Names = new Dictionary<string, string>
        {
            { "enable", "Enable-VRepReplication" },   { "status", "Get-VRepReplication" },
            { "resume", "Resume-VRepReplication" },   { "suspend", "Suspend-VRepReplication" },
            { "stop", "Stop-VRepReplication" },       { "remove", "Remove-VRepReplication" },
            { "set", "Set-VRepReplication" },         { "events", "Get-VRepReplicationEvent" },
            { "compare", "Compare-VRepReplication" },
            { "--disk", "-ReplicatedDiskPaths" },     { "--replica", "-ReplicaServerName" },
            { "--auto-resynchronize", "-AutoResynchronizeEnabled" },
            { "--auto-resynchronize-start", "-AutoResynchronizeIntervalStart" },
            { "--auto-resynchronize-end", "-AutoResynchronizeIntervalEnd" },
            { "--suspend-at-window-end", "-AutoResynchronizeSuspendAtIntervalEnd" },
            { "--start-time", "-ResynchronizeStartTime" }
        };

        internal static string InText(string text)
        {
            text = Command.Replace(text, match =>
            {
                Group name = match.Groups[2];
                return Names[match.Groups[1].Value] +
                       (name.Success ? " -VMName '" + name.Value.Replace("'", "''") + "'" : "");
            });
            return Option.Replace(text, match =>
            {
                string parameter;
                return Names.TryGetValue(match.Value, out parameter) ? parameter : Parameter(match.Value);
            });
        }

        // "--overwrite-replica" is -OverwriteReplica.
        private static string Parameter(string option)
        {
            return "-" + Regex.Replace(option.Substring(1), "-([a-z])", word => word.Groups[1].Value.ToUpperInvariant());
        }
    }
}
