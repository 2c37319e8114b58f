# From enabling to the first resynchronizations, as an administrator goes.

function Enable-Pair {
    param([string]$Name)
    Enable-VRepReplication -VMName $Name -AsReplica -ReplicatedDiskPaths (Get-Disk $Name replica) -Instance $Lab.Replica
    Enable-VRepReplication $Name 127.0.0.1 $Lab.Port -ReplicatedDiskPaths (Get-Disk $Name primary)
}

Test 'Enable: -WhatIf changes nothing' {
    $shown = Show "Enable-VRepReplication VM1 HV02 -ReplicatedDiskPaths '$(Get-Disk VM1 primary)' -WhatIf"
    Assert ($shown -match 'What if: .*Enable replication to HV02, port 29242.*VM1 \(.*VM1-primary.vhdx\)') "shown: $shown"
    Assert-Equal 0 @(Get-VRepReplication).Count 'relationships'
}

Test 'Enable: what cannot be is refused, each with its reason' {
    $disk = Get-Disk VM1 primary
    $record = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1 HV02 } InvalidArgument
    Assert ("$record" -match 'ReplicatedDiskPaths') "$record"
    foreach ($type in 'Kerberos', 'Certificate') {
        $record = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1 HV02 29242 $type -ReplicatedDiskPaths $disk }
        Assert ("$record" -match $type) "$record"
    }
    $null = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1, VM2 HV02 -ReplicatedDiskPaths $disk }
    $null = Assert-Failure VRep.NotFound { Enable-VRepReplication VM1 HV02 -ReplicatedDiskPaths "$disk.missing" } ObjectNotFound
    $null = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1 HV02 -ReplicatedDiskPaths $disk -ExcludedVhdPath $disk }
    $null = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1 HV02 -ReplicatedDiskPaths 'Nowhere:\VM1.vhdx' }
    $null = Assert-Failure VRep.InvalidArgument { Enable-VRepReplication VM1 HV02 -ReplicatedDiskPaths function:prompt }
    $null = Assert-Failure AmbiguousParameterSet { Enable-VRepReplication VM1 -ReplicaServerName HV02 -AsReplica -ReplicatedDiskPaths $disk }
    $record = Assert-Failure ParameterArgumentValidationError { Enable-VRepReplication VM1 HV02 70000 -ReplicatedDiskPaths $disk }
    Assert-Equal 0 @(Get-VRepReplication).Count 'relationships'
}

Test 'Enable: on both servers, with -Passthru and the id that is given' {
    $id = [guid]::NewGuid()
    $replica = Enable-VRepReplication -VMName VM1 -AsReplica -ReplicatedDiskPaths (Get-Disk VM1 replica) -AllowedPrimaryServer localhost `
        -Instance $Lab.Replica -Passthru
    Assert-Equal 'Replica localhost' "$($replica.ReplicationMode) $($replica.AllowedPrimaryServer)" 'replica'
    Set-VRepReplication VM1 -AllowedPrimaryServer '' -Instance $Lab.Replica
    $primary = Enable-VRepReplication VM1 127.0.0.1 $Lab.Port None -ReplicatedDiskPaths (Get-Disk VM1 primary) -VMId $id -Passthru
    Assert ($primary -is [VRep.Replication]) "$($primary.GetType())"
    Assert-Equal "VM1 $id 127.0.0.1 $($Lab.Port)" "$($primary.VMName) $($primary.VMId) $($primary.ReplicaServerName) $($primary.ReplicaServerPort)" 'primary'
    Assert-Equal (Get-Disk VM1 primary) $primary.ReplicatedDisks[0].Path 'path'
    Assert ($null -eq (Enable-Pair VM2)) 'output without -Passthru'
    foreach ($name in 'MyVM', 'Slow VM') { Enable-Pair $name }
}

Test 'Enable: paths are relative to the location, and a disk belongs to one relationship' {
    $here = $ExecutionContext.SessionState.Path.CurrentLocation
    try {
        $null = $ExecutionContext.SessionState.Path.SetLocation($Lab.Disks)
        $record = Assert-Failure VRep.AlreadyExists { Enable-VRepReplication Again 127.0.0.1 -ReplicatedDiskPaths VM1-primary.vhdx } ResourceExists
        Assert-Equal Again $record.TargetObject 'target'
    } finally {
        $null = $ExecutionContext.SessionState.Path.SetLocation($here.Path)
    }
}

Test 'Enable: with Hyper-V''s module, disks and id come from the machine; two of one name are an error that tells their ids' {
    # What the module calls of Hyper-V, in its place.
    $ids = [guid]::NewGuid(), [guid]::NewGuid(), [guid]::NewGuid()
    $machines = @(
        [pscustomobject]@{ Name = 'Twin'; Id = $ids[0] }, [pscustomobject]@{ Name = 'Twin'; Id = $ids[1] },
        [pscustomobject]@{ Name = 'NewVM'; Id = $ids[2] })
    function global:Get-VM { param($Name, $Id) $machines | Where-Object { ($Name -and $_.Name -like $Name) -or $_.Id -eq $Id } }
    function global:Get-VMHardDiskDrive { param($VM) 'primary', 'other' | ForEach-Object { [pscustomobject]@{ Path = Get-Disk $VM.Name $_ } } }
    try {
        $record = Assert-Failure VRep.AlreadyExists { Enable-VRepReplication Twin HV02 }
        Assert ("$record" -match $ids[0] -and "$record" -match $ids[1]) "$record"
        $null = Assert-Failure VRep.NotFound { Enable-VRepReplication Nobody HV02 } ObjectNotFound
        $made = Get-VM -Id $ids[2] | Enable-VRepReplication -ReplicaServerName HV02 -ExcludedVhdPath (Get-Disk NewVM other) -Passthru
        Assert-Equal "NewVM $($ids[2]) $(Get-Disk NewVM primary)" "$($made.VMName) $($made.VMId) $($made.ReplicatedDisks)" 'from the pipeline'
        Assert-Equal NewVM (Get-VM -Name NewVM | Get-VRepReplication).VMName 'Get-VM | Get-VRepReplication'
        Assert-Equal NewVM (Get-VRepReplication -VM (Get-VM -Name NewVM)).VMName 'Get-VRepReplication -VM'
        Remove-VRepReplication NewVM
        $made = Enable-VRepReplication -VM (Get-VM -Id $ids[2]) -ReplicaServerName HV02 -ExcludedVhdPath (Get-Disk NewVM other) -Passthru
        Assert-Equal "NewVM $($ids[2])" "$($made.VMName) $($made.VMId)" '-VM'
        Remove-VRepReplication -VM (Get-VM -Id $ids[2])
    } finally {
        $ExecutionContext.InvokeProvider.Item.Remove('function:Get-VM', $false)
        $ExecutionContext.InvokeProvider.Item.Remove('function:Get-VMHardDiskDrive', $false)
    }
}

Test 'Get: by name, id, wildcard, list, pipeline, object, and every filter' {
    $one = Get-VRepReplication -VMName VM1
    Assert-Equal VM1 $one.VMName 'by name'
    Assert-Equal VM1 (Get-VRepReplication vm1).VMName 'names have no case'
    Assert-Equal VM1 (Get-VRepReplication $one.VMId).VMName 'by id'
    Assert-Equal 'VM1 VM2' ((Get-VRepReplication VM*).VMName -join ' ') 'wildcard'
    Assert-Equal 'VM2 VM1' ((Get-VRepReplication VM2, VM1, VM2).VMName -join ' ') 'a list, each once'
    Assert-Equal 4 @(Get-VRepReplication *).Count 'all'
    Assert-Equal 4 @(Get-VRepReplication).Count 'all'
    Assert-Equal 0 @(Get-VRepReplication None*).Count 'a wildcard that nothing matches'
    Assert-Equal 'VM1 MyVM' (('VM1', 'MyVM' | Get-VRepReplication).VMName -join ' ') 'names from the pipeline'
    Assert-Equal VM1 ([pscustomobject]@{ VMName = 'VM1' } | Get-VRepReplication).VMName 'property VMName'
    Assert-Equal VM1 ([pscustomobject]@{ Name = 'VM1' } | Get-VRepReplication).VMName 'property Name'
    Assert-Equal VM1 ($one | Get-VRepReplication).VMName 'object'
    Assert-Equal 4 @(Get-VRepReplication -ReplicaServerName 127.*).Count 'replica server'
    Assert-Equal 0 @(Get-VRepReplication -ReplicaServer HV02).Count 'another replica server'
    Assert-Equal 4 @(Get-VRepReplication -PrimaryServer $one.PrimaryServerName).Count 'primary server'
    Assert-Equal 4 @(Get-VRepReplication -State WaitingForStartResynchronize).Count 'state'
    Assert-Equal 0 @(Get-VRepReplication -ReplicationState 4).Count 'state by number'
    Assert-Equal 4 @(Get-VRepReplication -Health Critical).Count 'health'
    Assert-Equal 0 @(Get-VRepReplication -Mode Replica).Count 'mode'
    Assert-Equal 4 @(Get-VRepReplication -Relationship Simple).Count 'type'
    Assert-Equal 0 @(Get-VRepReplication -ReplicationRelationshipType Extended).Count 'type'
    Assert-Equal $Lab.Primary $one.Instance 'instance'
}

Test 'objects: dates are local, sizes numbers, durations TimeSpan' {
    Resume-VRepReplication VM1 -Resynchronize -Wait
    $one = Get-VRepReplication VM1
    Assert-Equal Local $one.LastReplicationTime.Kind 'kind'
    Assert (([datetime]::Now - $one.LastReplicationTime).TotalMinutes -lt 5) "$($one.LastReplicationTime)"
    Assert ($one.ResynchronizeBytesTotal -is [long] -and $one.ResynchronizeBytesTotal -eq 8MB) "$($one.ResynchronizeBytesTotal)"
    Assert-Equal 'System.Nullable`1[System.TimeSpan]' ([VRep.Replication].GetProperty('ResynchronizeTimeRemaining').PropertyType.ToString()) 'remaining'
    Assert-Equal 'System.Nullable`1[System.Guid]' ([VRep.Replication].GetProperty('VMId').PropertyType.ToString()) 'id'
    Assert ($one.State -eq 'Replicating' -and $one.Health -eq 'Normal' -and $one.Id -eq $one.VMId) 'short names'
}

Test 'Start-VRepInitialReplication: -UseBackup compares with the copy, once' {
    $shown = Show 'Start-VRepInitialReplication VM2 -UseBackup -WhatIf'
    Assert ($shown -match 'What if: .*VM2') $shown
    Assert-Equal WaitingForStartResynchronize (Get-VRepReplication VM2).ReplicationState 'after -WhatIf'
    $job = Start-VRepInitialReplication VM2 -UseBackup -AsJob -Passthru | Wait-Job
    $output = $job | Receive-Job
    Assert-Equal 'Completed VM2 Replicating' "$($job.State) $($output.VMName) $($output.ReplicationState)" 'job'
    $record = Assert-Failure VRep.Refused { Start-VRepInitialReplication VM2 -UseBackup } InvalidOperation
    Assert ($record.ErrorDetails.RecommendedAction -match 'Resume-VRepReplication') $record.ErrorDetails.RecommendedAction
    $null = Assert-Failure VRep.NotFound { Start-VRepInitialReplication Nobody -UseBackup }
    $null = Assert-Failure VRep.InvalidArgument { Start-VRepInitialReplication VM2 -UseBackup:$false }
}
