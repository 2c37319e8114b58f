# A resynchronization that takes long is suspended, continued, stopped, waited for. 'Slow VM' never finishes one.

function Start-Slow {
    Set-VRepReplication 'Slow VM' -BandwidthLimit 64KB
    Resume-VRepReplication 'Slow VM' -Resynchronize
    Wait-Until 'something is sent' { (Get-VRepReplication 'Slow VM').ResynchronizeBytesSent -gt 0 }
}

Test 'Set: a limit, by name and by object; nothing to set is an error' {
    $changed = Get-VRepReplication 'Slow VM' | Set-VRepReplication -BandwidthLimit 1MB -Passthru
    Assert-Equal 1MB $changed.BandwidthLimit 'limit'
    $shown = Show "Set-VRepReplication 'Slow VM' -BandwidthLimit 5 -WhatIf"
    Assert ($shown -match 'What if: .*bandwidth_limit 5.*Slow VM') $shown
    Assert-Equal 1MB (Get-VRepReplication 'Slow VM').BandwidthLimit 'after -WhatIf'
    $null = Assert-Failure VRep.InvalidArgument { Set-VRepReplication 'Slow VM' }
    $null = Assert-Failure ParameterArgumentValidationError { Set-VRepReplication 'Slow VM' -BandwidthLimit -1 }
    $null = Assert-Failure VRep.NotFound { Set-VRepReplication Nobody -BandwidthLimit 1 } ObjectNotFound
    $job = Set-VRepReplication 'Slow VM' -BandwidthLimit 0 -AsJob -Passthru | Wait-Job
    Assert-Equal 'Completed 0' "$($job.State) $(($job | Receive-Job).BandwidthLimit)" 'job'
}

Test 'Resume: a job''s errors are the job''s' {
    $job = Resume-VRepReplication 'Slow VM', Nobody -AsJob | Wait-Job
    Assert-Equal Failed $job.State 'state'
    $errors = @(Get-Failure { $job | Receive-Job })
    Assert-Equal 2 $errors.Count 'errors'
    Assert (($errors.FullyQualifiedErrorId -join ' ') -match 'VRep.NotFound' -and ($errors.FullyQualifiedErrorId -join ' ') -match 'VRep.Refused') "$errors"
}

Test 'Resume: what does not fit is refused, with the cmdlet that does' {
    $record = Assert-Failure VRep.Refused { Resume-VRepReplication 'Slow VM' } InvalidOperation
    Assert-Equal "To start it: Resume-VRepReplication -VMName 'Slow VM' -Resynchronize" $record.ErrorDetails.RecommendedAction 'action'
    Assert-Equal 'Slow VM' $record.TargetObject.VMName 'target'
    Assert-Equal 32546 $record.Exception.Failure.EventId 'event'
    $null = Assert-Failure VRep.InvalidArgument { Resume-VRepReplication 'Slow VM' -Resynchronize -Continue }
    $null = Assert-Failure VRep.InvalidArgument { Resume-VRepReplication 'Slow VM' -Resynchronize -Wait -AsJob }
    $null = Assert-Failure VRep.InvalidArgument { Resume-VRepReplication 'Slow VM' -AdoptIdentity }
    $null = Assert-Failure VRep.Refused { Resume-VRepReplication MyVM -Resynchronize }
}

Test 'Resume: -WhatIf asks the replica and changes nothing; what would refuse is an error' {
    Set-VRepReplication 'Slow VM' -BandwidthLimit 64KB
    $shown = Show "Resume-VRepReplication 'Slow VM' -Resynchronize -WhatIf"
    Assert ($shown -match '^What if: Resynchronize "Slow VM" to 127.0.0.1: 1 disk, 8 MB, [\d.]+ MB allocated; 127.0.0.1 \S+ needs up to [\d.]+ MB, free [\d.]+ \w+; about \d+ min.\s*$') $shown
    Assert-Equal WaitingForStartResynchronize (Get-VRepReplication 'Slow VM').ReplicationState 'state'
    $shown = Show "Resume-VRepReplication 'Slow VM' -Resynchronize -ResynchronizeStartTime ([datetime]::Today.AddDays(2)) -WhatIf"
    Assert ($shown -match "^What if: Resynchronize `"Slow VM`" to 127.0.0.1 at $([datetime]::Today.AddDays(2).ToString('yyyy-MM-dd')) 00:00:00: 1 disk") $shown
    Assert-Equal '' "$((Get-VRepReplication 'Slow VM').ResynchronizeStartTime)" 'nothing is scheduled'
    $shown = Show "Resume-VRepReplication 'Slow VM' -Resynchronize -ResynchronizeStartTime ([datetime]::Today.AddDays(9)) -WhatIf"
    Assert ($shown -notmatch 'What if' -and $shown -match '7 days') $shown
    Remove-VRepReplication 'Slow VM' -Instance $Lab.Replica
    $shown = Show "Resume-VRepReplication 'Slow VM' -Resynchronize -WhatIf"
    Assert ($shown -notmatch 'What if' -and $shown -match 'Recommendation: .*Enable-VRepReplication') $shown
    Enable-VRepReplication -VMName 'Slow VM' -AsReplica -ReplicatedDiskPaths (Get-Disk 'Slow VM' replica) -Instance $Lab.Replica
}

Test 'Test-VRepReplicationConnection: by server, by relationship; one that is not there is an error' {
    $answer = Test-VRepReplicationConnection 127.0.0.1 $Lab.Port
    Assert-Equal "127.0.0.1 $($Lab.Port) $([VRep.Client]::LibraryVersion)" "$($answer.ReplicaServerName) $($answer.ReplicaServerPort) $($answer.ReplicaVersion)" 'answer'
    Assert ($null -eq $answer.Accepted) 'accepted without a relationship'
    $answers = @(Get-VRepReplication MyVM, VM2 | Test-VRepReplicationConnection)
    Assert-Equal 'MyVM True VM2 True' (($answers | ForEach-Object { "$($_.VMName) $($_.Accepted)" }) -join ' ') 'accepted'
    $null = Assert-Failure VRep.Connection { Test-VRepReplicationConnection -ReplicaServer 127.0.0.1 -ReplicaPort 1 } ConnectionError
    $null = Assert-Failure VRep.NotFound { Test-VRepReplicationConnection -VMName Nobody } ObjectNotFound
    $null = Assert-Failure AmbiguousParameterSet { Test-VRepReplicationConnection -ReplicaServerName HV02 -VMName MyVM }
}

Test 'Resume: returns at once; Suspend keeps what was sent; Resume goes on; Stop cancels' {
    $hash = [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([System.IO.File]::ReadAllBytes((Get-Disk 'Slow VM' replica))))
    Start-Slow
    Assert-Equal Resynchronizing (Get-VRepReplication 'Slow VM').ReplicationState 'running'
    $shown = Show "Suspend-VRepReplication 'Slow VM' -WhatIf"
    Assert ($shown -match 'What if') $shown
    Assert-Equal Resynchronizing (Get-VRepReplication 'Slow VM').ReplicationState 'after -WhatIf'
    $suspended = 'Slow VM' | Suspend-VRepReplication -Passthru
    Assert-Equal ResynchronizeSuspended $suspended.ReplicationState 'suspended'
    $resumed = $suspended | Resume-VRepReplication -Continue -Passthru
    Assert-Equal Resynchronizing $resumed.ReplicationState 'continued'
    $shown = Show "Stop-VRepReplication 'Slow VM' -WhatIf"
    Assert ($shown -match 'What if') $shown
    Assert-Equal Resynchronizing (Get-VRepReplication 'Slow VM').ReplicationState 'after -WhatIf'
    $stopped = Stop-VRepReplication * -Passthru -ErrorAction SilentlyContinue
    Assert-Equal 'Slow VM WaitingForStartResynchronize Cancelled' "$($stopped.VMName) $($stopped.ReplicationState) $($stopped.ResynchronizeRequiredReason)" 'stopped'
    $after = [System.Convert]::ToHexString([System.Security.Cryptography.SHA256]::HashData([System.IO.File]::ReadAllBytes((Get-Disk 'Slow VM' replica))))
    Assert-Equal $hash $after 'the replica''s file'
    $record = Assert-Failure VRep.Refused { Stop-VRepReplication 'Slow VM' }
    Assert ($record.ErrorDetails.RecommendedAction -match 'Suspend-VRepReplication' -and $record.ErrorDetails.RecommendedAction -notmatch 'vrepctl') $record.ErrorDetails.RecommendedAction
}

Test 'Resume -Wait: shows progress; Ctrl-C leaves it running and says so' {
    Set-VRepReplication 'Slow VM' -BandwidthLimit 64KB
    $null = $Console.Text.GetStringBuilder().Clear()
    $shell = New-ConsoleCommand "Resume-VRepReplication 'Slow VM' -Resynchronize -Wait"
    $asked = $shell.BeginInvoke()
    Wait-Until 'progress is shown' { $Console.Text.ToString() -match 'Comparing: .* sent' }
    $shell.Stop() # what a console does at Ctrl-C
    Assert-Equal Stopped $shell.InvocationStateInfo.State 'the command'
    $shell.Dispose()
    $shown = $Console.Text.ToString()
    Assert ($shown -match 'Resynchronizing "Slow VM" to 127.0.0.1: Comparing: [\d.]+ \w+ of 8 MB, .* different, .* sent.* \[\d+ %\]') $shown
    Assert ($shown -match "WARNING: The resynchronization of 'Slow VM' goes on") $shown
    Assert-Equal Resynchronizing (Get-VRepReplication 'Slow VM').ReplicationState 'still running'
}

Test 'Resume -AsJob: a job that follows; Stop-Job leaves it running, a suspend ends it with an error' {
    $job = Resume-VRepReplication 'Slow VM' -AsJob
    Assert ($job -is [System.Management.Automation.Job] -and @(Get-Job | Where-Object Id -eq $job.Id).Count -eq 1) "$job"
    Assert-Equal Running $job.State 'state'
    Wait-Until 'the job tells its progress' { $job.Progress.Count -gt 0 -and $job.StatusMessage -match 'sent' }
    $job | Stop-Job
    Assert-Equal Stopped $job.State 'stopped'
    Assert-Equal Resynchronizing (Get-VRepReplication 'Slow VM').ReplicationState 'still running'
    $job = Resume-VRepReplication 'Slow VM' -AsJob -Passthru
    Suspend-VRepReplication 'Slow VM'
    $null = $job | Wait-Job
    Assert-Equal Failed $job.State 'after a suspend'
    Assert-Equal 'Slow VM' $job.Output[0].VMName 'output'
    $errors = @(Get-Failure { $job | Receive-Job })
    Assert ("$errors" -match 'has not come to its end') "$errors"
    Stop-VRepReplication 'Slow VM'
    Get-Job | Remove-Job
}

Test 'Remove: -WhatIf, by name, by object, with what runs' {
    $shown = Show 'Remove-VRepReplication VM1 -WhatIf'
    Assert ($shown -match 'What if: .*VM1') $shown
    $removed = Get-VRepReplication VM1 | Remove-VRepReplication -Passthru
    Assert-Equal VM1 $removed.VMName 'removed'
    $null = Assert-Failure VRep.NotFound { Get-VRepReplication VM1 } ObjectNotFound
    $null = Assert-Failure VRep.NotFound { $removed | Suspend-VRepReplication } ObjectNotFound
    Start-Slow
    $warnings = $null
    Remove-VRepReplication 'Slow VM' -WarningVariable warnings -WarningAction SilentlyContinue
    Assert ("$warnings" -match 'was cancelled on the replica server') "$warnings"
    Remove-VRepReplication 'VM1', 'Slow VM' -Instance $Lab.Replica
    Assert-Equal 'MyVM VM2' ((Get-VRepReplication -Instance $Lab.Replica).VMName -join ' ') 'left on the replica'
    Enable-Pair 'Slow VM'
    Enable-Pair VM1
}
