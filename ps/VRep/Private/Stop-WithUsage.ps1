function Stop-WithUsage {
    # Ends the cmdlet: its parameters contradict each other.
    param($Cmdlet, [string]$Message)

    $exception = [VRep.ServiceException]::new('InvalidArgument', $Message, '')
    $Cmdlet.ThrowTerminatingError($exception.ToErrorRecord($null))
}
