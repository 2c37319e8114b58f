function Start-VRepInitialReplication {
    <#
    .SYNOPSIS
    Starts the first resynchronization of a relationship, from a copy that the replica has.

    .DESCRIPTION
    With -UseBackup the replica's disks are an earlier copy of the primary's (restored from a backup, carried there, or made
    by another program): both sides are compared and what differs is sent, as Resume-VRepReplication -Resynchronize does.
    It is for relationships that have not been compared yet.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER UseBackup
    The replica has a copy of the disks.

    .PARAMETER InitialReplicationStartTime
    When it starts, instead of at once: a local time, at most seven days ahead. A text is read month first whatever the culture.

    .PARAMETER AsJob
    Gives a job that ends with the resynchronization. Errors, progress and output are the job's; Stop-Job leaves the
    resynchronization running.

    .PARAMETER Passthru
    Gives the relationship as it is afterwards.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    None; VRep.Replication with -Passthru; VRep.ReplicationJob with -AsJob.

    .EXAMPLE
    Start-VRepInitialReplication -VMName NewVM -UseBackup -WhatIf

    Tells for which relationships it would be started.

    .EXAMPLE
    Start-VRepInitialReplication -VMName NewVM -UseBackup

    Starts it for NewVM.

    .LINK
    Enable-VRepReplication

    .LINK
    Resume-VRepReplication
    #>
    [CmdletBinding(DefaultParameterSetName = 'VMName', SupportsShouldProcess)]
    [OutputType([VRep.Replication], [VRep.ReplicationJob])]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMName', ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('Name')]
        [ValidateNotNullOrEmpty()]
        [string[]]$VMName,

        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMObject')]
        [ValidateNotNullOrEmpty()]
        [object[]]$VM,

        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMReplication', ValueFromPipeline)]
        [Alias('VMReplication')]
        [ValidateNotNullOrEmpty()]
        [VRep.Replication[]]$VRepReplication,

        [Parameter(Mandatory)]
        [switch]$UseBackup,

        [Alias('IRTime')]
        [datetime]$InitialReplicationStartTime,

        [switch]$AsJob,

        [switch]$Passthru,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        if (-not $UseBackup) {
            Stop-WithUsage $PSCmdlet 'Without -UseBackup there is nothing to begin with: the replica needs a copy of the disks.'
        }
        $member = @{ resynchronize = $true }
        $startTime = if ($PSBoundParameters.ContainsKey('InitialReplicationStartTime')) { $InitialReplicationStartTime }
        if ($null -ne $startTime) { $member['resynchronize_start_time'] = ConvertTo-RequestTime $startTime }
        $job = if ($AsJob) { New-Job $PSCmdlet }
        $started = [System.Collections.Generic.List[VRep.Replication]]::new()
    }

    process {
        $given = @{ Cmdlet = $PSCmdlet; Job = $job; Instance = $Instance; Bound = $PSBoundParameters }
        foreach ($relationship in Select-Relationship @given) {
            if ($relationship.ResynchronizeRequiredReason -ne 'NotYetCompared') {
                $late = [VRep.ServiceException]::new('Refused',
                    "Initial replication of '$($relationship.VMName)' cannot start: its disks were compared already.",
                    "To resynchronize: Resume-VRepReplication -VMName '$($relationship.VMName)' -Resynchronize")
                Write-Failure -Cmdlet $PSCmdlet -Job $job -Exception $late -Target $relationship
            } elseif (Confirm-Resume -Cmdlet $PSCmdlet -Job $job -Relationship $relationship -Resynchronize $true -StartTime $startTime) {
                Invoke-Resume -Cmdlet $PSCmdlet -Job $job -Relationship $relationship -Member $member -Follow $AsJob `
                    -Started $started -Passthru $Passthru
            }
        }
    }

    end {
        if ($AsJob) {
            Start-FollowingJob -Cmdlet $PSCmdlet -Job $job -Started $started -PassThru $Passthru
        }
    }
}
