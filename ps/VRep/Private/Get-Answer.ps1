function Get-Answer {
    # For a question to a replica server: asks the service until it has the answer, or has given the server up.
    param($Cmdlet, $Job, [string]$Instance, [System.Collections.IDictionary]$Request, [type]$ResultType, $Target)

    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    do {
        $answer = Invoke-Request -Cmdlet $Cmdlet -Job $Job -Instance $Instance -Request $Request -ResultType $ResultType `
            -Target $Target
        if ($null -eq $answer -or $answer.Ready) {
            return $answer
        }
        [System.Threading.Thread]::Sleep(50)
    } while ($clock.Elapsed.TotalSeconds -lt 30)
    $late = [VRep.ServiceException]::new('Timeout', 'The replica server has not answered for 30 s.',
        'Look whether its VRep service is well, then try again.')
    Write-Failure -Cmdlet $Cmdlet -Job $Job -Exception $late -Target $Target
}
