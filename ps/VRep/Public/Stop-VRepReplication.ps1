function Stop-VRepReplication {
    <#
    .SYNOPSIS
    Cancels a resynchronization, or ends a comparison.

    .DESCRIPTION
    Cancels a resynchronization that runs, queues or is suspended. The replica deletes what it received; its disks are what
    they were before. The relationship waits for another resynchronization, which begins at block 0.

    The replica alone grants a cancel. While it cannot be reached, the cancel is pending and a warning says so; the service
    keeps asking. After the commit it is too late: the merge finishes, and an error says so. A comparison ends without a result. It neither pauses nor
    removes a replication: see Suspend-VRepReplication and Remove-VRepReplication.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER ReplicationRelationshipType
    Only relationships of this type. All are Simple: a replica is not replicated further.

    .PARAMETER Passthru
    Gives the relationship as it is afterwards.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    None, or VRep.Replication with -Passthru.

    .EXAMPLE
    Stop-VRepReplication -VMName MyVM

    Cancels the resynchronization of MyVM.

    .EXAMPLE
    Get-VRepReplication -ReplicationState Resynchronizing | Stop-VRepReplication

    Cancels every resynchronization of this server.

    .LINK
    Suspend-VRepReplication

    .LINK
    Resume-VRepReplication
    #>
    [CmdletBinding(DefaultParameterSetName = 'VMName', SupportsShouldProcess)]
    [OutputType([VRep.Replication])]
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

        [Alias('Relationship')]
        [VRep.ReplicationRelationshipType]$ReplicationRelationshipType,

        [switch]$Passthru,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    process {
        foreach ($relationship in Select-Relationship -Cmdlet $PSCmdlet -Instance $Instance -Bound $PSBoundParameters) {
            if ($PSCmdlet.ShouldProcess($relationship.VMName, 'Cancel the resynchronization')) {
                $result = Invoke-Verb -Cmdlet $PSCmdlet -Relationship $relationship -Verb stop
                if ($null -ne $result) {
                    $last = Wait-Settled $result.Relationship {
                        -not $args[0].ResynchronizeCancelPending -and $null -eq $args[0].Comparison
                    }
                    if ($null -eq $relationship.Comparison) {
                        Write-CancelOutcome -Cmdlet $PSCmdlet -Relationship $last
                    }
                    if ($Passthru) {
                        $last
                    }
                }
            }
        }
    }
}
