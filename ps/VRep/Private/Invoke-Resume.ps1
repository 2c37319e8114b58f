function Invoke-Resume {
    # Resumes one relationship. What is under way then and is to be followed to its end is added to $Started; all else is the
    # cmdlet's output at once.
    param($Cmdlet, $Job, [VRep.Replication]$Relationship, [System.Collections.IDictionary]$Member, [bool]$Follow,
        [System.Collections.Generic.List[VRep.Replication]]$Started, [bool]$Passthru)

    $result = Invoke-Verb -Cmdlet $Cmdlet -Job $Job -Relationship $Relationship -Verb resume -Member $Member
    if ($null -eq $result) {
        return
    }
    if ($Follow -and (Test-UnderWay $result.Relationship)) {
        $Started.Add($result.Relationship)
    } else {
        Write-Result -Job $Job -Passthru $Passthru -Result $result.Relationship
    }
}

function Test-UnderWay {
    # A resynchronization runs, queues, or waits for its next attempt.
    param([VRep.Replication]$Relationship)

    $Relationship.ReplicationState -eq 'Resynchronizing' -or $Relationship.ResynchronizeQueuePosition -gt 0
}
