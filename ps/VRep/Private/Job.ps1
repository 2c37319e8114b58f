function New-Job {
    # The job that stands for the cmdlet when -AsJob is given.
    param($Cmdlet)

    [VRep.ReplicationJob]::new($Cmdlet.MyInvocation.Line.Trim(), $null)
}

function Start-FollowingJob {
    # Registers the job, as Get-Job lists it, and has it follow what was started. Its output so far is the cmdlet's.
    param($Cmdlet, [VRep.ReplicationJob]$Job, [VRep.Replication[]]$Started = @(), [bool]$PassThru, [bool]$Comparing)

    $Cmdlet.JobRepository.Add($Job)
    $Job.Begin($Started, $PassThru, $Comparing)
    $Job
}

function Wait-Following {
    # Stays until all have come to their ends, with progress. Ctrl-C ends the waiting only.
    param($Cmdlet, [VRep.Replication[]]$Started, [bool]$PassThru, [bool]$Comparing)

    $job = [VRep.ReplicationJob]::new($Cmdlet.MyInvocation.Line.Trim(), $null)
    $ended = $false
    try {
        $job.Begin($Started, $PassThru, $Comparing)
        do {
            $ended = $job.WaitForEnd(200)
            foreach ($record in $job.Progress.ReadAll()) {
                $Cmdlet.WriteProgress($record)
            }
        } until ($ended)
    } finally {
        if (-not $ended) {
            # The pipeline is being stopped and takes no more messages; the host does.
            $names = @($Started | ForEach-Object { "'$($_.VMName)'" }) -join ', '
            $what = if ($Comparing) { 'comparison' } else { 'resynchronization' }
            $Cmdlet.Host.UI.WriteWarningLine("The $what of $names goes on. Get-VRepReplication shows how far it is, " +
                'Stop-VRepReplication cancels it.')
        }
        $failures = $job.Error.ReadAll()
        $output = $job.Output.ReadAll()
        $job.Dispose()
    }
    foreach ($record in $failures) {
        $Cmdlet.WriteError($record)
    }
    $output
}
