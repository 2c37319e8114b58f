function Confirm-Resume {
    # ShouldProcess for a resume. With -WhatIf the replica is asked what a resynchronization would need; whatever would
    # refuse it is an error, and then nothing is told.
    param($Cmdlet, $Job, [VRep.Replication]$Relationship, [bool]$Resynchronize, [bool]$OverwriteReplica, $StartTime)

    if (-not $Resynchronize) {
        return $Cmdlet.ShouldProcess($Relationship.VMName, 'Resume replication')
    }
    $what = "Resynchronize `"$($Relationship.VMName)`" to $($Relationship.ReplicaServerName)"
    if ($null -ne $StartTime) {
        $what += " at $($StartTime.ToLocalTime().ToString('yyyy-MM-dd HH:mm:ss'))"
    }
    if ($WhatIfPreference) {
        $request = @{ verb = 'plan'; name = Get-RequestName $Relationship; overwrite_replica = $OverwriteReplica }
        if ($null -ne $StartTime) {
            $request['resynchronize_start_time'] = ConvertTo-RequestTime $StartTime
        }
        $plan = Get-Answer -Cmdlet $Cmdlet -Job $Job -Instance $Relationship.Instance -ResultType ([VRep.PlanResult]) `
            -Target $Relationship -Request $request
        if ($null -eq $plan) {
            return $false
        }
        foreach ($refusal in $plan.Refusals) {
            Write-Failure -Cmdlet $Cmdlet -Job $Job -Exception ([VRep.ServiceException]::new($refusal)) -Target $Relationship
        }
        foreach ($warning in $plan.Warnings) {
            $Cmdlet.WriteWarning($warning)
        }
        if ($plan.Refusals.Count -gt 0) {
            return $false
        }
        $what += ": $(Format-Plan $plan $Relationship.ReplicaServerName)"
    }
    $Cmdlet.ShouldProcess($what, "${what}?", 'Confirm')
}

function Format-Plan {
    # "2 disks, 500 GB, 212 GB allocated; HV02 D: needs up to 212 GB, free 310 GB; about 18 min."
    param([VRep.PlanResult]$Plan, [string]$Server)

    $size = { if ($null -eq $args[0]) { 'an unknown size' } else { [VRep.ProgressText]::Size($args[0]) } }
    $disks = if ($Plan.Disks.Count -eq 1) { '1 disk' } else { "$($Plan.Disks.Count) disks" }
    $parts = @("$disks, $(& $size $Plan.VirtualSize), $(& $size $Plan.AllocatedBytes) allocated")
    foreach ($volume in $Plan.Volumes) {
        $parts += "$Server $($volume.Name) needs up to $(& $size $volume.BytesNeeded), free $(& $size $volume.BytesFree)"
    }
    $parts += if ($null -eq $Plan.EstimatedTime) {
        'how long it takes is not known'
    } elseif ($Plan.EstimatedTime -lt 60) {
        'less than 1 min'
    } elseif ($Plan.EstimatedTime -lt 7200) {
        'about {0:0} min' -f ($Plan.EstimatedTime / 60)
    } else {
        'about {0:0} h' -f ($Plan.EstimatedTime / 3600)
    }
    ($parts -join '; ') + '.'
}
