function Write-Result {
    # What -Passthru gives, of the cmdlet or of the job that stands for it.
    param($Job, [bool]$Passthru, [VRep.Replication]$Result)

    if (-not $Passthru -or $null -eq $Result) {
        return
    }
    if ($null -ne $Job) {
        $Job.Output.Add($Result)
    } else {
        $Result
    }
}
