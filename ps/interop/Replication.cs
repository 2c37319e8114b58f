using System;
using System.Globalization;
using System.Runtime.Serialization;

namespace VRep
{
    /// <summary>What the service counts of a resynchronization; null until an attempt knows it.</summary>
    [DataContract]
    public abstract class ResynchronizeCounters
    {
        [DataMember] public long? ResynchronizeBytesTotal { get; private set; }
        [DataMember] public long? ResynchronizeBytesCompared { get; private set; }
        [DataMember] public long? ResynchronizeBytesDifferent { get; private set; }
        [DataMember] public long? ResynchronizeBytesSent { get; private set; }
        [DataMember] public long? ResynchronizeBytesToMerge { get; private set; }
        [DataMember] public long? ResynchronizeBytesMerged { get; private set; }
    }

    /// <summary>One disk of a relationship.</summary>
    [DataContract]
    public sealed class ReplicatedDisk : ResynchronizeCounters
    {
        [DataMember] public string Path { get; private set; }
        [DataMember] public string PeerName { get; private set; }
        [DataMember] public long? VirtualSize { get; private set; }

        public override string ToString()
        {
            return Path;
        }
    }

    /// <summary>A relationship as `status` of docs/control.md shows it, with the names of Hyper-V's VMReplication.
    /// The first properties are those that a list of all shows when there is no room for more.</summary>
    [DataContract]
    public sealed class Replication : ResynchronizeCounters, IFromInstance
    {
        [DataMember] public string VMName { get; private set; }
        [DataMember] public ReplicationState ReplicationState { get; private set; }
        [DataMember] public ReplicationHealthState ReplicationHealth { get; private set; }
        [DataMember] public bool AutoResynchronizeEnabled { get; private set; }

        public TimeSpan AutoResynchronizeIntervalStart
        {
            get { return TimeOfDay(intervalStart); }
        }

        public TimeSpan AutoResynchronizeIntervalEnd
        {
            get { return TimeOfDay(intervalEnd); }
        }

        [DataMember] public ReplicationMode ReplicationMode { get; private set; }

        public ReplicationRelationshipType ReplicationRelationshipType
        {
            get { return ReplicationRelationshipType.Simple; }
        }

        /// <summary>Null: changes are not sent in cycles.</summary>
        [DataMember] public int? ReplicationFrequencySec { get; private set; }

        [DataMember] public ReplicationAuthenticationType AuthenticationType { get; private set; }
        [DataMember] public string PrimaryServerName { get; private set; }
        [DataMember] public string ReplicaServerName { get; private set; }
        [DataMember] public int? ReplicaServerPort { get; private set; }
        [DataMember] public string AllowedPrimaryServer { get; private set; }
        [DataMember] public DateTime? LastReplicationTime { get; private set; }
        [DataMember] public string[] ReplicationHealthDetails { get; private set; }
        [DataMember] public Guid? VMId { get; private set; }
        [DataMember(Name = "Disks")] public ReplicatedDisk[] ReplicatedDisks { get; private set; }
        [DataMember] public bool AutoResynchronizeSuspendAtIntervalEnd { get; private set; }
        [DataMember] public DateTime? AutoResynchronizeNextStart { get; private set; }
        [DataMember] public DateTime? ResynchronizeStartTime { get; private set; }
        [DataMember] public long BandwidthLimit { get; private set; }
        [DataMember] public DateTime? LastLookTime { get; private set; }
        [DataMember] public DateTime? DiskInUseSince { get; private set; }
        [DataMember] public string ResynchronizeRequiredReason { get; private set; }
        [DataMember] public string ResynchronizeRequiredMessage { get; private set; }
        [DataMember] public Guid? ResynchronizeId { get; private set; }
        [DataMember] public string ResynchronizePhase { get; private set; }
        [DataMember] public string ResynchronizeActivity { get; private set; }
        [DataMember] public int ResynchronizeQueuePosition { get; private set; }
        [DataMember] public string ResynchronizeSuspendCause { get; private set; }
        [DataMember] public bool ResynchronizeCancelPending { get; private set; }
        [DataMember] public string ResynchronizeLastOutcome { get; private set; }
        [DataMember] public DateTime? ResynchronizeStarted { get; private set; }
        [DataMember] public long? ResynchronizeBytesPerSecond { get; private set; }

        [DataMember(Name = "AutoResynchronizeIntervalStart")] private string intervalStart;
        [DataMember(Name = "AutoResynchronizeIntervalEnd")] private string intervalEnd;
        [DataMember(Name = "ResynchronizeTimeRemaining")] private long? secondsRemaining;

        public TimeSpan? ResynchronizeTimeRemaining
        {
            get
            {
                return secondsRemaining == null ? (TimeSpan?)null : TimeSpan.FromSeconds(secondsRemaining.Value);
            }
        }

        [DataMember] public ComparisonProgress Comparison { get; private set; }
        [DataMember] public Comparison LastComparison { get; private set; }
        [DataMember] public DateTime? NextAttemptTime { get; private set; }
        [DataMember] public int FailedAttempts { get; private set; }
        [DataMember] public Failure LastError { get; private set; }

        /// <summary>The instance of the service that told it; empty: the default one.</summary>
        public string Instance { get; private set; }

        [DataMember(Name = "Warnings")] private string[] warnings;

        /// <summary>What `enable` and `set` warn of, when this is their result.</summary>
        public string[] GetWarnings()
        {
            return warnings ?? new string[0];
        }

        // "18:30:00"
        private static TimeSpan TimeOfDay(string text)
        {
            return TimeSpan.Parse(text, CultureInfo.InvariantCulture);
        }

        [OnDeserialized]
        private void NameComparison(StreamingContext context)
        {
            if (LastComparison != null)
                LastComparison.Name(this);
        }

        void IFromInstance.SetInstance(string instance)
        {
            Instance = instance ?? "";
        }

        public override string ToString()
        {
            return VMName;
        }
    }
}
