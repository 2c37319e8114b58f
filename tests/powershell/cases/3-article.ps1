# The command lines that people know, with the noun's VM replaced, one after the other.

Test 'article: suspend, then resynchronize a replication that is healthy' {
    Resume-VRepReplication -VMName "MyVM" -Resynchronize -Wait
    Suspend-VRepReplication -VMName "MyVM"
    Assert-Equal Suspended (Get-VRepReplication -VMName "MyVM").ReplicationState 'suspended'
    Resume-VRepReplication -VMName "MyVM" -Resynchronize
    Wait-State MyVM Replicating
}

Test 'article: Get-VRepReplication -VMName "MyVM", Get-VRepReplication *' {
    Assert-Equal MyVM (Get-VRepReplication -VMName "MyVM").VMName 'one'
    Assert (@(Get-VRepReplication *).Count -ge 3) 'all'
}

Test 'article: a start at a time, month first whatever the culture; Stop- takes it back' {
    $when = [datetime]::Today.AddDays(2).AddHours(22)
    $text = $when.ToString('MM/dd/yyyy HH:mm', [cultureinfo]::InvariantCulture)
    Suspend-VRepReplication -VMName "MyVM"
    Resume-VRepReplication -VMName "MyVM" -Resynchronize -ResynchronizeStartTime "$text"
    Assert-Equal $when (Get-VRepReplication MyVM).ResynchronizeStartTime 'start time'
    Assert-Equal Local (Get-VRepReplication MyVM).ResynchronizeStartTime.Kind 'kind'
    Assert-Equal Suspended (Get-VRepReplication MyVM).ReplicationState 'state'
    $record = Assert-Failure VRep.Refused { Resume-VRepReplication MyVM -Resynchronize -ResynchronizeStartTime $when }
    Assert-Equal 29186 $record.Exception.Failure.EventId 'scheduled already'
    Stop-VRepReplication MyVM
    Assert-Equal 'Suspended ' "$((Get-VRepReplication MyVM).ReplicationState) $((Get-VRepReplication MyVM).ResynchronizeStartTime)" 'after Stop-'
    foreach ($wrong in [datetime]::Now.AddHours(-1), [datetime]::Now.AddDays(8)) {
        $records = @(Get-Failure { Resume-VRepReplication MyVM -Resynchronize -ResynchronizeStartTime $wrong })
        Assert ($records.Count -eq 1 -and $records[0].Exception.Failure.EventId -eq 29178) "$wrong $records"
        Assert ("$($records[0])" -match $wrong.ToString('yyyy-MM-dd')) "the date as understood is not in: $($records[0])"
    }
    $null = Assert-Failure VRep.InvalidArgument { Resume-VRepReplication MyVM -ResynchronizeStartTime $when }
    Resume-VRepReplication MyVM
}

Test 'article: the window, with 0 and 1 and times of day as texts' {
    $one = Get-VRepReplication -VMName "MyVM"
    Assert-Equal 'False 18:30:00 06:00:00' "$($one.AutoResynchronizeEnabled) $($one.AutoResynchronizeIntervalStart) $($one.AutoResynchronizeIntervalEnd)" 'before'
    $warnings = $null
    Set-VRepReplication MyVM -AutoResynchronizeEnabled $true -WarningVariable warnings -WarningAction SilentlyContinue
    Assert ("$warnings" -match 'AutoResynchronizeIntervalStart' -and "$warnings" -match 'AutoResynchronizeIntervalEnd') "without a window: $warnings"
    Set-VRepReplication -VMName "MyVM" -AutoResynchronizeEnabled 0
    Assert-Equal False (Get-VRepReplication MyVM).AutoResynchronizeEnabled 'off'
    Set-VRepReplication -VMName "MyVM" -AutoResynchronizeEnabled 1 -AutoResynchronizeIntervalStart 00:00:00 -AutoResynchronizeIntervalEnd 23:59:59
    $one = Get-VRepReplication -VMName "MyVM"
    Assert-Equal 'True 00:00:00 23:59:59' "$($one.AutoResynchronizeEnabled) $($one.AutoResynchronizeIntervalStart) $($one.AutoResynchronizeIntervalEnd)" 'on'
    Assert ($one.AutoResynchronizeIntervalStart -is [timespan]) 'type'
    $one = Set-VRepReplication MyVM -AutoResync 0 -AutoResyncStart 22:00 -AutoResyncEnd 5:00 -AutoResynchronizeSuspendAtIntervalEnd 1 -Passthru
    Assert-Equal 'False 22:00:00 05:00:00 True' "$($one.AutoResynchronizeEnabled) $($one.AutoResynchronizeIntervalStart) $($one.AutoResynchronizeIntervalEnd) $($one.AutoResynchronizeSuspendAtIntervalEnd)" 'aliases'
    $null = Assert-Failure VRep.InvalidArgument { Set-VRepReplication MyVM -AutoResynchronizeIntervalStart 25:00:00 }
}
