function Invoke-Request {
    # One request of docs/control.md. A failure becomes an error for $Target, and nothing is given.
    param($Cmdlet, $Job, [string]$Instance, [System.Collections.IDictionary]$Request, [type]$ResultType, $Target)

    try {
        [VRep.Client]::Request($Instance, $Request, $ResultType)
    } catch [VRep.ServiceException] {
        Write-Failure -Cmdlet $Cmdlet -Job $Job -Exception $_.Exception -Target $Target
    }
}
