# Get-VRepReplicationEvent, by everything that it can be asked.

Test 'events: the newest first, or the oldest; so many' {
    $all = @(Get-VRepReplicationEvent)
    Assert ($all.Count -gt 30) "$($all.Count) events"
    Assert ($all[0].RecordId -gt $all[-1].RecordId -and $all[-1].RecordId -eq 1) 'the newest first'
    $oldest = @(Get-VRepReplicationEvent -Oldest -MaxEvents 3)
    Assert-Equal '1 2 3' ($oldest.RecordId -join ' ') 'the oldest'
    Assert-Equal $all[0].RecordId @(Get-VRepReplicationEvent -MaxEvents 1)[0].RecordId 'the newest'
    Assert-Equal 50000 $oldest[0].Id 'the service has started'
    Assert-Equal Local $oldest[0].TimeCreated.Kind 'times are local'
    Assert ($oldest[0] -is [VRep.ReplicationEvent] -and $oldest[0].Properties['ListenAddress'] -eq '127.0.0.1') 'fields'
}

Test 'events: by name, wildcard, id, object; by Id, level, time' {
    Assert-Equal MyVM (Get-VRepReplicationEvent -VMName MyVM | ForEach-Object VMName | Select-Unique) 'name'
    Assert-Equal 'VM1 VM2' (@(Get-VRepReplicationEvent VM* | ForEach-Object VMName | Select-Unique) -join ' ') 'wildcard'
    $by = @(Get-VRepReplication MyVM | Get-VRepReplicationEvent -Id 29242, 29244)
    Assert ($by.Count -ge 4 -and @($by | Where-Object { $_.VMName -ne 'MyVM' -or $_.Id -notin 29242, 29244 }).Count -eq 0) "$by"
    Assert ($by.Count -eq @(Get-VRepReplicationEvent (Get-VRepReplication MyVM).VMId -Id 29242, 29244).Count) 'by id'
    $warnings = @(Get-VRepReplicationEvent -Level Warning, Error)
    Assert ($warnings.Count -gt 0 -and @($warnings | Where-Object { $_.Level -notin 'Warning', 'Error' }).Count -eq 0) 'levels'
    $middle = @(Get-VRepReplicationEvent -VMName MyVM)[3].TimeCreated
    $since = @(Get-VRepReplicationEvent -StartTime $middle)
    $until = @(Get-VRepReplicationEvent -EndTime $middle)
    Assert ($since[-1].TimeCreated -eq $middle -and $until[0].TimeCreated -eq $middle) 'times'
    Assert ($since.Count + $until.Count -gt @(Get-VRepReplicationEvent).Count) 'all of them'
    Assert-Equal 0 @(Get-VRepReplicationEvent Nobody).Count 'nobody'
    Assert-Equal 0 @(Get-VRepReplicationEvent -StartTime ([datetime]::Now.AddDays(1))).Count 'tomorrow'
}

Test 'events: as a console shows them' {
    $lines = (Show 'Get-VRepReplicationEvent MyVM -Id 29244 -MaxEvents 1').Trim().Split("`n")
    Assert ($lines[0] -match '^TimeCreated +Level +Id +VMName +Message') $lines[0]
    Assert ($lines[2] -match '^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +Information +29244 +MyVM +Finished') $lines[2]
}
