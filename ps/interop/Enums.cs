// Numbers and names are Hyper-V's (its PowerShell module's, which differ from WMI's).
namespace VRep
{
    public enum ReplicationState
    {
        Disabled = 0,
        ReadyForInitialReplication = 1,
        InitialReplicationInProgress = 2,
        WaitingForInitialReplication = 3,
        Replicating = 4,
        PreparedForFailover = 5,
        FailedOverWaitingCompletion = 6,
        FailedOver = 7,
        Suspended = 8,
        Error = 9,
        WaitingForStartResynchronize = 10,
        Resynchronizing = 11,
        ResynchronizeSuspended = 12,
        RecoveryInProgress = 13,
        FailbackInProgress = 14,
        FailbackComplete = 15,
        WaitingForUpdateCompletion = 16,
        UpdateError = 17,
        WaitingForRepurposeCompletion = 18,
        PreparedForSyncReplication = 19,
        PreparedForGroupReverseReplication = 20,
        FiredrillInProgress = 21
    }

    public enum ReplicationHealthState
    {
        NotApplicable = 0,
        Normal = 1,
        Warning = 2,
        Critical = 3
    }

    public enum ReplicationMode
    {
        None = 0,
        Primary = 1,
        Replica = 2,
        TestReplica = 3,
        ExtendedReplica = 4
    }

    public enum ReplicationRelationshipType
    {
        Simple = 0,
        Extended = 1
    }

    /// <summary>Hyper-V's numbers; None is ours: the servers do not authenticate each other.</summary>
    public enum ReplicationAuthenticationType
    {
        None = 0,
        Kerberos = 1,
        Certificate = 2
    }

    /// <summary>Levels of events; the numbers are ETW's.</summary>
    public enum EventLevel
    {
        Error = 2,
        Warning = 3,
        Information = 4
    }
}
