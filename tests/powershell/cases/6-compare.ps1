# Compare-VRepReplication reads and changes nothing.

Test 'compare: what is equal, what differs and where; nothing is changed' {
    $files = 'MyVM', 'Slow VM' | ForEach-Object { Get-Disk $_ primary; Get-Disk $_ replica }
    function Get-Hashes { $files | ForEach-Object { [Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([IO.File]::ReadAllBytes($_))) } }
    $before = (Get-VRepReplication MyVM, 'Slow VM').ReplicationState -join ' '
    $hashes = @(Get-Hashes) -join ' '
    $found = @('MyVM', 'Slow VM' | Compare-VRepReplication)
    Assert-Equal 'MyVM False Slow VM True' (($found | ForEach-Object { "$($_.VMName) $($_.ResynchronizeNeeded)" }) -join ' ') 'needed'
    Assert ($found[0] -is [VRep.Comparison] -and $found[0].BytesDifferent -eq 0) "$($found[0].BytesDifferent)"
    Assert ($found[1].BytesDifferent -gt 1MB -and $found[1].Disks[0].RangesDifferent -ge 1) "$($found[1].BytesDifferent)"
    Assert-Equal 1MB $found[1].Disks[0].FirstRangesDifferent[0].Offset 'where'
    Assert-Equal (Get-Disk 'Slow VM' primary) $found[1].Disks[0].Path 'path'
    Assert-Equal $before ((Get-VRepReplication MyVM, 'Slow VM').ReplicationState -join ' ') 'states'
    Assert-Equal $hashes (@(Get-Hashes) -join ' ') 'files'
    Assert-Equal Finished (Get-VRepReplication MyVM).LastComparison.Outcome 'kept'
}

Test 'compare: as a console shows it' {
    $lines = (Show 'Compare-VRepReplication MyVM').Trim().Split("`n")
    $table = @($lines | Where-Object { $_ -match '^MyVM +Finished +False +' })
    Assert ($table.Count -eq 1) ($lines -join "`n")
}

Test 'compare: a job; Stop-VRepReplication is not needed once it has ended' {
    $job = Compare-VRepReplication MyVM -AsJob | Wait-Job
    $output = $job | Receive-Job
    Assert-Equal 'Completed MyVM False' "$($job.State) $($output.VMName) $($output.ResynchronizeNeeded)" 'job'
    $null = Assert-Failure VRep.Refused { Stop-VRepReplication MyVM }
    $null = Assert-Failure AmbiguousParameterSet { Compare-VRepReplication -VMName MyVM -VRepReplication (Get-VRepReplication MyVM) }
}

Test 'compare: one that queues is ended by Stop-VRepReplication, which says nothing of a merge' {
    $null = [VRep.Client]::RequestText($Lab.Primary, @{ verb = 'server-set'; maximum_active_transfers = 1 })
    try {
        Start-Slow
        $job = Compare-VRepReplication MyVM -AsJob
        Wait-Until 'it queues' {
            $comparison = (Get-VRepReplication MyVM).Comparison
            $null -ne $comparison -and $comparison.QueuePosition -eq 1
        }
        Assert-Equal 0 @(Get-Failure { Stop-VRepReplication MyVM }).Count 'errors of Stop-VRepReplication'
        $null = $job | Wait-Job
        Assert-Equal Failed $job.State 'job'
        $errors = @(Get-Failure { $job | Receive-Job })
        Assert ("$errors" -match 'MyVM.*Stopped') "$errors"
        Assert-Equal 'Replicating Stopped' "$((Get-VRepReplication MyVM).ReplicationState) $((Get-VRepReplication MyVM).LastComparison.Outcome)" 'MyVM'
    } finally {
        Stop-VRepReplication 'Slow VM'
        $null = [VRep.Client]::RequestText($Lab.Primary, @{ verb = 'server-set'; maximum_active_transfers = 3 })
    }
}
