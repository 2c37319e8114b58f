function Write-SettingsWarning {
    # What the service thinks of new settings.
    param($Cmdlet, [VRep.Replication]$Result)

    foreach ($warning in $Result.GetWarnings()) {
        $Cmdlet.WriteWarning($warning)
    }
}

function Write-Result {
    # What -Passthru gives, of the cmdlet or of the job that stands for it.
    param($Job, [bool]$Passthru, [VRep.Replication]$Result)

    if (-not $Passthru) {
        return
    }
    if ($null -ne $Job) {
        $Job.Output.Add($Result)
    } else {
        $Result
    }
}
