using System;
using System.Runtime.Serialization;

namespace VRep
{
    /// <summary>A comparison that is queued or runs.</summary>
    [DataContract]
    public sealed class ComparisonProgress
    {
        [DataMember] public DateTime? Started { get; private set; }
        [DataMember] public string Activity { get; private set; }
        [DataMember] public int QueuePosition { get; private set; }
        [DataMember] public long BytesTotal { get; private set; }
        [DataMember] public long BytesCompared { get; private set; }
        [DataMember] public long BytesDifferent { get; private set; }
        [DataMember] public long BytesPerSecond { get; private set; }

        [DataMember(Name = "TimeRemaining")] private long? secondsRemaining;

        public TimeSpan? TimeRemaining
        {
            get { return secondsRemaining == null ? (TimeSpan?)null : TimeSpan.FromSeconds(secondsRemaining.Value); }
        }

        public override string ToString()
        {
            return Activity;
        }
    }

    /// <summary>A run of bytes of a disk that differs.</summary>
    [DataContract]
    public sealed class DifferentRange
    {
        [DataMember] public long Offset { get; private set; }
        [DataMember] public long Length { get; private set; }

        public override string ToString()
        {
            return Offset + "+" + Length;
        }
    }

    /// <summary>What a comparison has found of one disk.</summary>
    [DataContract]
    public sealed class ComparedDisk
    {
        public string Path { get; internal set; }
        [DataMember] public long? BytesTotal { get; private set; }
        [DataMember] public long? BytesCompared { get; private set; }
        [DataMember] public long? BytesDifferent { get; private set; }
        [DataMember] public long? RangesDifferent { get; private set; }

        /// <summary>The first of them.</summary>
        [DataMember] public DifferentRange[] FirstRangesDifferent { get; private set; }

        public override string ToString()
        {
            return Path;
        }
    }

    /// <summary>A comparison that has ended.</summary>
    [DataContract]
    public sealed class Comparison
    {
        public string VMName { get; internal set; }

        /// <summary>Null: it came to no end.</summary>
        [DataMember] public bool? ResynchronizeNeeded { get; private set; }

        [DataMember] public string Outcome { get; private set; }
        [DataMember] public DateTime? Started { get; private set; }
        [DataMember] public DateTime? Ended { get; private set; }
        [DataMember] public long? BytesTotal { get; private set; }
        [DataMember] public long? BytesCompared { get; private set; }
        [DataMember] public long? BytesDifferent { get; private set; }
        [DataMember] public Failure Error { get; private set; }
        [DataMember] public ComparedDisk[] Disks { get; private set; }

        public override string ToString()
        {
            return Outcome;
        }

        // The disks are those of the relationship, in its order.
        internal void Name(Replication r)
        {
            VMName = r.VMName;
            int count = Disks == null || r.ReplicatedDisks == null ? 0 : Math.Min(Disks.Length, r.ReplicatedDisks.Length);
            for (int i = 0; i < count; i++)
                Disks[i].Path = r.ReplicatedDisks[i].Path;
        }
    }
}
