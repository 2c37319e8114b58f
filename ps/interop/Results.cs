// The results of the verbs of docs/control.md, as far as the module looks at them.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Runtime.Serialization;

namespace VRep
{
    [DataContract]
    public sealed class StatusResult : IFromInstance
    {
        [DataMember] public Replication[] Relationships { get; private set; }

        void IFromInstance.SetInstance(string instance)
        {
            foreach (IFromInstance relationship in Relationships)
                relationship.SetInstance(instance);
        }
    }

    /// <summary>Of a verb that acts on a relationship.</summary>
    [DataContract]
    public sealed class ActionResult : IFromInstance
    {
        [DataMember] public Replication Relationship { get; private set; }
        [DataMember] public string Message { get; private set; }

        void IFromInstance.SetInstance(string instance)
        {
            if (Relationship != null)
                ((IFromInstance)Relationship).SetInstance(instance);
        }
    }

    /// <summary>A volume of the replica server, and what a resynchronization would need of it at most.</summary>
    [DataContract]
    public sealed class PlanVolume
    {
        [DataMember] public string Name { get; private set; }
        [DataMember] public long? BytesNeeded { get; private set; }
        [DataMember] public long? BytesFree { get; private set; }
    }

    [DataContract]
    public sealed class PlanDisk
    {
        [DataMember] public string Path { get; private set; }
    }

    /// <summary>What a replica server has answered; until it has, nothing but that it is not ready.</summary>
    [DataContract]
    public abstract class Answer
    {
        [DataMember] public bool Ready { get; private set; }
    }

    /// <summary>What a resynchronization would need.</summary>
    [DataContract]
    public sealed class PlanResult : Answer
    {
        [DataMember] public string ReplicaHost { get; private set; }
        [DataMember] public PlanDisk[] Disks { get; private set; }
        [DataMember] public long? VirtualSize { get; private set; }
        [DataMember] public long? AllocatedBytes { get; private set; }
        [DataMember] public PlanVolume[] Volumes { get; private set; }
        [DataMember] public string[] Warnings { get; private set; }
        [DataMember] public Failure[] Refusals { get; private set; }
        [DataMember] public long? EstimatedTime { get; private set; }
    }

    /// <summary>What Test-VRepReplicationConnection gives: a replica server that has answered.</summary>
    [DataContract]
    public sealed class ReplicationConnection : Answer
    {
        [DataMember] public string ReplicaServerName { get; private set; }
        [DataMember] public int ReplicaServerPort { get; private set; }
        [DataMember] public string ReplicaHost { get; private set; }
        [DataMember] public string ReplicaVersion { get; private set; }
        [DataMember] public string VMName { get; private set; }

        /// <summary>Whether the replica would accept the relationship now; null when none was asked about.</summary>
        [DataMember] public bool? Accepted { get; private set; }

        [DataMember] public Failure Refusal { get; private set; }
    }

    [DataContract]
    public sealed class EventsResult
    {
        [DataMember(Name = "Events")] private Dictionary<string, object>[] records;

        [DataMember] public long First { get; private set; }
        [DataMember] public long Last { get; private set; }
        [DataMember] public bool More { get; private set; }

        public ReplicationEvent[] Events
        {
            get { return Array.ConvertAll(records, record => new ReplicationEvent(record)); }
        }
    }

    /// <summary>An event of the service (docs/events.md), with the names that Get-WinEvent's records have.</summary>
    public sealed class ReplicationEvent
    {
        internal ReplicationEvent(Dictionary<string, object> record)
        {
            TimeCreated = DateTime.Parse((string)record["TimeCreated"], CultureInfo.InvariantCulture,
                                         DateTimeStyles.AssumeUniversal);
            Id = Convert.ToInt32(record["Id"], CultureInfo.InvariantCulture);
            Level = (EventLevel)Convert.ToInt32(record["Level"], CultureInfo.InvariantCulture);
            Message = (string)record["Message"];
            RecordId = Convert.ToInt64(record["RecordId"], CultureInfo.InvariantCulture);
            object value;
            VMName = record.TryGetValue("VmName", out value) ? (string)value : null;
            VMId = record.TryGetValue("VmId", out value) ? new Guid((string)value) : (Guid?)null;
            Properties = record;
        }

        public DateTime TimeCreated { get; private set; }
        public EventLevel Level { get; private set; }
        public int Id { get; private set; }
        public string VMName { get; private set; }
        public string Message { get; private set; }
        public Guid? VMId { get; private set; }
        public long RecordId { get; private set; }

        /// <summary>All members of the record by name, the event's own fields among them.</summary>
        public IDictionary<string, object> Properties { get; private set; }

        public override string ToString()
        {
            return Message;
        }
    }
}
