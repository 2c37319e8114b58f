using System;
using System.Globalization;
using System.Management.Automation;

namespace VRep
{
    /// <summary>How far a resynchronization or comparison has come, for people.</summary>
    public static class ProgressText
    {
        private static readonly string[] Units = { "bytes", "KB", "MB", "GB", "TB" };

        /// <summary>"212 GB": three digits, with PowerShell's units (1 KB is 1024 bytes); "" for null.</summary>
        public static string Size(long? bytes)
        {
            if (bytes == null)
                return "";
            double value = bytes.Value;
            int unit = 0;
            while (value >= 1000 && unit < Units.Length - 1)
            {
                value /= 1024;
                unit++;
            }
            string format = unit == 0 || value >= 100 ? "0" : value >= 10 ? "0.#" : "0.##";
            return value.ToString(format, CultureInfo.CurrentCulture) + " " + Units[unit];
        }

        /// <summary>"Comparing", "Queued, place 2", ...; "" when nothing is done.</summary>
        public static string Activity(Replication r)
        {
            if (r.ResynchronizeQueuePosition > 0)
                return "Queued, place " + r.ResynchronizeQueuePosition;
            string activity = r.ResynchronizeActivity ?? "";
            return r.ResynchronizeCancelPending ? activity + ", a cancel waits for the replica" : activity;
        }

        /// <summary>0 to 100 of what is done now (comparing or merging); null when that is not known.</summary>
        public static int? Percent(Replication r)
        {
            long? total = IsMerging(r) ? r.ResynchronizeBytesToMerge : r.ResynchronizeBytesTotal;
            long? done = IsMerging(r) ? r.ResynchronizeBytesMerged : r.ResynchronizeBytesCompared;
            if (total == null || total == 0 || done == null)
                return null;
            return (int)Math.Min(100, done.Value * 100.0 / total.Value);
        }

        /// <summary>"1.2 GB of 2.8 GB, 40 MB different, 38 MB sent"; "" when nothing is known.</summary>
        public static string Amount(Replication r)
        {
            if (Percent(r) == null)
                return "";
            if (IsMerging(r))
                return Size(r.ResynchronizeBytesMerged) + " of " + Size(r.ResynchronizeBytesToMerge);
            return Size(r.ResynchronizeBytesCompared) + " of " + Size(r.ResynchronizeBytesTotal) + ", " +
                   Size(r.ResynchronizeBytesDifferent) + " different, " + Size(r.ResynchronizeBytesSent) + " sent";
        }

        internal static ProgressRecord Of(Replication r, int id)
        {
            return r.Comparison != null ? OfComparison(r, id) : OfResynchronization(r, id);
        }

        private static ProgressRecord OfComparison(Replication r, int id)
        {
            ComparisonProgress c = r.Comparison;
            string activity = c.QueuePosition > 0 ? "Queued, place " + c.QueuePosition : c.Activity;
            string rate = c.BytesPerSecond > 0 ? ", " + Size(c.BytesPerSecond) + "/s" : "";
            string amount = c.BytesTotal == 0 ? "" : ": " + Size(c.BytesCompared) + " of " + Size(c.BytesTotal) + ", " +
                                                     Size(c.BytesDifferent) + " different" + rate;
            ProgressRecord record = new ProgressRecord(id, Title(r), activity + amount);
            record.PercentComplete = c.BytesTotal == 0 ? -1 : (int)Math.Min(100, c.BytesCompared * 100.0 / c.BytesTotal);
            record.SecondsRemaining = c.TimeRemaining == null ? -1 : (int)c.TimeRemaining.Value.TotalSeconds;
            return record;
        }

        private static ProgressRecord OfResynchronization(Replication r, int id)
        {
            string activity = Activity(r);
            string amount = Amount(r);
            string rate = r.ResynchronizeBytesPerSecond > 0 ? ", " + Size(r.ResynchronizeBytesPerSecond) + "/s" : "";
            ProgressRecord record = new ProgressRecord(id, Title(r), (activity == "" ? "Starting" : activity) +
                                                       (amount == "" ? "" : ": " + amount + rate));
            record.PercentComplete = Percent(r) ?? -1;
            TimeSpan? remaining = r.ResynchronizeTimeRemaining;
            record.SecondsRemaining = remaining == null ? -1 : (int)remaining.Value.TotalSeconds;
            return record;
        }

        internal static ProgressRecord End(Replication r, int id)
        {
            ProgressRecord record = new ProgressRecord(id, Title(r), "Ended");
            record.RecordType = ProgressRecordType.Completed;
            return record;
        }

        private static string Title(Replication r)
        {
            return r.Comparison != null ? "Comparing \"" + r.VMName + "\" with " + r.ReplicaServerName
                                        : "Resynchronizing \"" + r.VMName + "\" to " + r.ReplicaServerName;
        }

        private static bool IsMerging(Replication r)
        {
            return r.ResynchronizeActivity == "Merging";
        }
    }
}
