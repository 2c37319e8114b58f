function Write-CancelOutcome {
    # What became of a cancel that was asked for, where it was not granted.
    param($Cmdlet, [VRep.Replication]$Relationship)

    if ($null -eq $Relationship) {
        return # removed meanwhile
    }
    if ($Relationship.ResynchronizeCancelPending) {
        $Cmdlet.WriteWarning("The cancel for '$($Relationship.VMName)' waits for the replica server, which alone can grant " +
            'it and does not answer yet. Get-VRepReplication shows when it has.')
    } elseif ($Relationship.ReplicationState -in 'Replicating', 'Resynchronizing') {
        $late = [VRep.ServiceException]::new('Refused',
            "Too late to cancel the resynchronization of '$($Relationship.VMName)': its merge has begun.",
            'It finishes by itself.')
        Write-Failure -Cmdlet $Cmdlet -Exception $late -Target $Relationship
    }
}
