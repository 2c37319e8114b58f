function Write-Failure {
    # A non-terminating error of the cmdlet, or of the job that stands for it.
    param($Cmdlet, $Job, [VRep.ServiceException]$Exception, $Target)

    $record = $Exception.ToErrorRecord($Target)
    if ($null -ne $Job) {
        $Job.Error.Add($record)
    } else {
        $Cmdlet.WriteError($record)
    }
}
