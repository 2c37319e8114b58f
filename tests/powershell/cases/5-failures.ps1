# What every cmdlet says when something is wrong.

$Cmdlets = @{
    'Get-VRepReplication'          = { param($Name, $Instance) Get-VRepReplication $Name -Instance $Instance }
    'Set-VRepReplication'          = { param($Name, $Instance) Set-VRepReplication $Name -BandwidthLimit 0 -Instance $Instance }
    'Suspend-VRepReplication'      = { param($Name, $Instance) Suspend-VRepReplication $Name -Instance $Instance }
    'Resume-VRepReplication'       = { param($Name, $Instance) Resume-VRepReplication $Name -Instance $Instance }
    'Stop-VRepReplication'         = { param($Name, $Instance) Stop-VRepReplication $Name -Instance $Instance }
    'Remove-VRepReplication'       = { param($Name, $Instance) Remove-VRepReplication $Name -Instance $Instance }
    'Test-VRepReplicationConnection' = { param($Name, $Instance) Test-VRepReplicationConnection -VMName $Name -Instance $Instance }
    'Compare-VRepReplication'      = { param($Name, $Instance) Compare-VRepReplication $Name -Instance $Instance }
    'Start-VRepInitialReplication' = { param($Name, $Instance) Start-VRepInitialReplication $Name -UseBackup -Instance $Instance }
}

Test 'every cmdlet: a wrong name is one error, a wildcard without a match none' {
    foreach ($name in $Cmdlets.Keys) {
        $record = Assert-Failure VRep.NotFound { & $Cmdlets[$name] 'Nobody' $Lab.Primary } ObjectNotFound
        Assert-Equal "VRep.NotFound,$name" $record.FullyQualifiedErrorId 'id'
        Assert-Equal Nobody $record.TargetObject 'target'
        Assert ($record.ErrorDetails.RecommendedAction) "$name recommends nothing"
        Assert-Equal 0 @(Get-Failure { & $Cmdlets[$name] 'Nobody*' $Lab.Primary }).Count "$name Nobody*"
    }
}

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

Test 'every cmdlet: the service is not running' {
    $all = $Cmdlets + @{
        'Get-VRepReplicationEvent' = { param($Name, $Instance) Get-VRepReplicationEvent $Name -Instance $Instance }
        'Export-VRepDiagnostics'   = { param($Name, $Instance) Export-VRepDiagnostics ([System.IO.Path]::Combine($Lab.Disks, 'none.zip')) -Instance $Instance }
        'Enable-VRepReplication'   = { param($Name, $Instance) Enable-VRepReplication $Name HV02 -ReplicatedDiskPaths (Get-Disk VM1 primary) -Instance $Instance }
    }
    foreach ($name in $all.Keys) {
        $record = Assert-Failure VRep.ServiceNotRunning { & $all[$name] 'MyVM' 'nobody' } ResourceUnavailable
        Assert ("$record" -match 'not running') "${name}: $record"
        Assert ($record.ErrorDetails.RecommendedAction -match '-Instance') $record.ErrorDetails.RecommendedAction
    }
}

if ($env:VREP_PS_FAKE) {
    Test 'access denied and another version have texts of their own' {
        $record = Assert-Failure VRep.AccessDenied { Get-VRepReplication -Instance "$env:VREP_PS_FAKE-denied" } PermissionDenied
        Assert ("$record" -match 'administrator') "$record"
        $record = Assert-Failure VRep.VersionMismatch { Get-VRepReplication -Instance "$env:VREP_PS_FAKE-version" } ProtocolError
        Assert ("$record" -match 'version') "$record"
    }
}

Test 'wrong combinations of parameters bind nothing' {
    $one = Get-VRepReplication MyVM
    foreach ($name in 'Suspend', 'Resume', 'Stop', 'Remove') {
        $null = Assert-Failure AmbiguousParameterSet { & "$name-VRepReplication" -VMName MyVM -VRepReplication $one }
    }
    $null = Assert-Failure NamedParameterNotFound { Get-VRepReplication -ComputerName HV02 }
    $null = Assert-Failure ParameterArgumentTransformationError { Get-VRepReplication -ReplicationState Nonsense }
    $null = Assert-Failure ParameterArgumentValidationError { Get-VRepReplication '' }
}

Test 'a host that cannot be asked: nothing asks, and what is told to gets an error' {
    $shown = Show 'Suspend-VRepReplication MyVM; Resume-VRepReplication MyVM; Remove-VRepReplication VM1; Get-VRepReplication VM1'
    Assert ($shown -notmatch 'cannot be asked' -and $shown -match 'no relationship') $shown
    Enable-VRepReplication VM1 127.0.0.1 $Lab.Port -ReplicatedDiskPaths (Get-Disk VM1 primary)
    $shown = Show 'Remove-VRepReplication VM1 -Confirm'
    Assert ($shown -match 'cannot be asked') $shown
    Assert-Equal VM1 (Get-VRepReplication VM1).VMName 'still there'
    $shown = Show 'Suspend-VRepReplication'
    Assert ($shown -match 'VMName') $shown
}

Test 'commands of vrepctl in a text become cmdlets' {
    $exception = [VRep.ServiceException]::new('Refused', 'x', 'Use vrepctl resume "it''s" --resynchronize --overwrite-replica, or vrepctl enable NAME --disk PATH --as-replica.')
    Assert-Equal "Use Resume-VRepReplication -VMName 'it''s' -Resynchronize -OverwriteReplica, or Enable-VRepReplication NAME -ReplicatedDiskPaths PATH -AsReplica." `
        $exception.ToErrorRecord($null).ErrorDetails.RecommendedAction 'text'
}
