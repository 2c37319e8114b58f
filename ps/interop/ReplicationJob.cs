using System;
using System.Management.Automation;
using System.Threading;

namespace VRep
{
    /// <summary>A job of -AsJob: the requests are made already, and resynchronizations or comparisons that they started are
    /// followed to their ends. Output, Error and Progress are filled as a job's are.</summary>
    public sealed class ReplicationJob : Job
    {
        private const uint LookEveryMs = 500;

        private readonly ManualResetEvent ended = new ManualResetEvent(false);
        private Client client;
        private volatile bool stopped;
        private volatile string status = "";

        public ReplicationJob(string command, string name) : base(command, name)
        {
            PSJobTypeName = "VRepJob";
        }

        public override string StatusMessage
        {
            get { return status; }
        }

        public override bool HasMoreData
        {
            get { return Output.Count > 0 || Error.Count > 0; }
        }

        public override string Location
        {
            get { return Environment.MachineName; }
        }

        /// <summary>Follows each of them, in a thread of its own; the job ends with the last one.</summary>
        /// <param name="passThru">How each has ended becomes output.</param>
        /// <param name="comparing">They are comparisons, whose results are the output.</param>
        public void Begin(Replication[] started, bool passThru, bool comparing)
        {
            SetJobState(JobState.Running);
            Thread thread = new Thread(() => Run(started, passThru, comparing));
            thread.IsBackground = true;
            thread.Start();
        }

        /// <summary>Waits at most so long for the job's end; false while it runs.</summary>
        public bool WaitForEnd(int milliseconds)
        {
            return ended.WaitOne(milliseconds);
        }

        /// <summary>Ends the following; what was followed goes on.</summary>
        public override void StopJob()
        {
            stopped = true;
            Client present = client;
            if (present != null)
                present.Cancel();
            ended.WaitOne();
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing && JobStateInfo.State == JobState.Running)
                StopJob();
            base.Dispose(disposing);
        }

        private void Run(Replication[] started, bool passThru, bool comparing)
        {
            for (int i = 0; i < started.Length && !stopped; i++)
                Follow(started[i], i, passThru, comparing);
            SetJobState(stopped ? JobState.Stopped : Error.Count > 0 ? JobState.Failed : JobState.Completed);
            ended.Set();
        }

        private void Follow(Replication started, int activity, bool passThru, bool comparing)
        {
            try
            {
                using (client = new Client(started.Instance))
                {
                    string name = started.VMId == null ? started.VMName : started.VMId.Value.ToString();
                    Replication last = client.Wait(name, LookEveryMs, started.Instance,
                                                   now => Show(ProgressText.Of(now, activity)));
                    if (comparing)
                        TellComparison(last);
                    else
                        TellEnd(last, passThru);
                }
            }
            catch (ServiceException problem)
            {
                if (!stopped)
                    Error.Add(problem.ToErrorRecord(started));
            }
            finally
            {
                client = null;
            }
            Show(ProgressText.End(started, activity));
        }

        private void TellEnd(Replication last, bool passThru)
        {
            if (passThru)
                Output.Add(new PSObject(last));
            if (last.ReplicationState != ReplicationState.Replicating)
                Error.Add(ServiceException.OfEnd(last).ToErrorRecord(last));
        }

        private void TellComparison(Replication last)
        {
            if (last.LastComparison != null && last.LastComparison.Outcome == "Finished")
                Output.Add(new PSObject(last.LastComparison));
            else
                Error.Add(ServiceException.OfComparison(last).ToErrorRecord(last));
        }

        private void Show(ProgressRecord record)
        {
            status = record.StatusDescription;
            Progress.Add(record);
        }
    }
}
