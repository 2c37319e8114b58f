function Register-Completion {
    # Names that the service knows, for Tab. Nothing when it does not answer.
    param([string[]]$CommandName)

    foreach ($parameter in 'VMName', 'ReplicaServerName') {
        Register-ArgumentCompleter -CommandName $CommandName -ParameterName $parameter -ScriptBlock {
            param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)

            $instance = if ($fakeBoundParameters.Contains('Instance')) { [string]$fakeBoundParameters['Instance'] } else { '' }
            Complete-FromStatus -Instance $instance -Property $parameterName -Word $wordToComplete
        }
    }
}

function Complete-FromStatus {
    param([string]$Instance, [string]$Property, [string]$Word)

    try {
        $status = [VRep.Client]::Request($Instance, @{ verb = 'status' }, [VRep.StatusResult])
    } catch [VRep.ServiceException] {
        return
    }
    $start = [WildcardPattern]::Escape($Word.Trim("'", '"')) + '*'
    $seen = @{}
    foreach ($relationship in $status.Relationships) {
        $value = $relationship.$Property
        if (-not $value -or $seen.ContainsKey($value) -or $value -notlike $start) {
            continue
        }
        $seen[$value] = $true
        $text = if ($value -match '^[\w.-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $value)
    }
}
