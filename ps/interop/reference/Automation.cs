// Declarations of what this module uses of System.Management.Automation, under that assembly's identity: to compile
// against on a machine that has no PowerShell. The result is never shipped; at run time the names lead to PowerShell's
// own assembly. Version 3.0.0.0 is Windows PowerShell 5.1's, and PowerShell 7 takes a reference to it for its own.
using System;
using System.Collections.Generic;
using System.Reflection;

[assembly: AssemblyVersion("3.0.0.0")]

namespace System.Management.Automation
{
    public enum ErrorCategory
    {
        NotSpecified = 0,
        DeviceError = 3,
        InvalidArgument = 5,
        InvalidData = 6,
        InvalidOperation = 7,
        InvalidResult = 8,
        ObjectNotFound = 13,
        OperationStopped = 14,
        OperationTimeout = 15,
        PermissionDenied = 18,
        ResourceBusy = 19,
        ResourceExists = 20,
        ResourceUnavailable = 21,
        ProtocolError = 26,
        ConnectionError = 27,
        LimitsExceeded = 29
    }

    public enum JobState
    {
        Running = 1,
        Completed = 2,
        Failed = 3,
        Stopped = 4
    }

    public enum ProgressRecordType
    {
        Completed = 1
    }

    public sealed class JobStateInfo
    {
        private JobStateInfo() { }
        public JobState State { get { throw null; } }
    }

    public class PSObject
    {
        public PSObject(object value) { throw null; }
        public object BaseObject { get { throw null; } }
    }

    public class PSDataCollection<T>
    {
        public int Count { get { throw null; } }
        public void Add(T item) { throw null; }
    }

    public class ErrorDetails
    {
        public ErrorDetails(string message) { throw null; }
        public string RecommendedAction { get { throw null; } set { throw null; } }
    }

    public class ErrorRecord
    {
        public ErrorRecord(Exception exception, string id, ErrorCategory category, object target) { throw null; }
        public ErrorDetails ErrorDetails { get { throw null; } set { throw null; } }
    }

    public class ProgressRecord
    {
        public ProgressRecord(int id, string activity, string status) { throw null; }
        public string StatusDescription { get { throw null; } set { throw null; } }
        public int PercentComplete { get { throw null; } set { throw null; } }
        public int SecondsRemaining { get { throw null; } set { throw null; } }
        public ProgressRecordType RecordType { get { throw null; } set { throw null; } }
    }

    public abstract class Job : IDisposable
    {
        protected Job(string command, string name) { throw null; }
        public abstract string StatusMessage { get; }
        public abstract bool HasMoreData { get; }
        public abstract string Location { get; }
        public abstract void StopJob();
        public string PSJobTypeName { get { throw null; } protected set { throw null; } }
        public JobStateInfo JobStateInfo { get { throw null; } }
        public PSDataCollection<PSObject> Output { get { throw null; } }
        public PSDataCollection<ErrorRecord> Error { get { throw null; } }
        public PSDataCollection<ProgressRecord> Progress { get { throw null; } }
        protected void SetJobState(JobState state) { throw null; }
        public void Dispose() { throw null; }
        protected virtual void Dispose(bool disposing) { throw null; }
    }
}
