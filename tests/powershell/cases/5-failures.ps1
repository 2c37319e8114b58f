# What cmdlets say when something is wrong; 5-matrix.ps1 has each cmdlet with each misuse.

Test 'every cmdlet: an error for each object, and the others go on' {
    $records = @(Get-Failure { Suspend-VRepReplication Nobody1, MyVM, Nobody2 })
    Assert-Equal 'Nobody1 Nobody2' ($records.TargetObject -join ' ') 'targets'
    Assert-Equal Suspended (Get-VRepReplication MyVM).ReplicationState 'MyVM'
    Resume-VRepReplication MyVM
    Assert-Equal Replicating (Get-VRepReplication MyVM).ReplicationState 'MyVM'
    $stopped = $false
    try { Suspend-VRepReplication Nobody -ErrorAction Stop } catch { $stopped = $true }
    Assert $stopped '-ErrorAction Stop does not stop'
}

if ($env:VREP_PS_FAKE) {
    Test 'access denied and another version have texts of their own' {
        $record = Assert-Failure VRep.AccessDenied { Get-VRepReplication -Instance "$env:VREP_PS_FAKE-denied" } PermissionDenied
        Assert ("$record" -match 'administrator') "$record"
        $record = Assert-Failure VRep.VersionMismatch { Get-VRepReplication -Instance "$env:VREP_PS_FAKE-version" } ProtocolError
        Assert ("$record" -match 'version') "$record"
    }
}

Test 'a host that cannot be asked: nothing asks, and what is told to gets an error' {
    $shown = Show 'Suspend-VRepReplication MyVM; Resume-VRepReplication MyVM; Remove-VRepReplication VM1; Get-VRepReplication VM1'
    Assert ($shown -notmatch 'cannot be asked' -and $shown -match 'no relationship') $shown
    Enable-VRepReplication VM1 127.0.0.1 $Lab.Port -ReplicatedDiskPaths (Get-Disk VM1 primary)
    $shown = Show 'Remove-VRepReplication VM1 -Confirm'
    Assert ($shown -match 'cannot be asked') $shown
    Assert-Equal VM1 (Get-VRepReplication VM1).VMName 'still there'
}

Test 'commands of vrepctl in a text become cmdlets' {
    $exception = [VRep.ServiceException]::new('Refused', 'x', 'Use vrepctl resume "it''s" --resynchronize --overwrite-replica, or vrepctl enable NAME --disk PATH --as-replica.')
    Assert-Equal "Use Resume-VRepReplication -VMName 'it''s' -Resynchronize -OverwriteReplica, or Enable-VRepReplication NAME -ReplicatedDiskPaths PATH -AsReplica." `
        $exception.ToErrorRecord($null).ErrorDetails.RecommendedAction 'text'
}
