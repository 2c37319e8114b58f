function Suspend-VRepReplication {
    <#
    .SYNOPSIS
    Suspends replication, or a resynchronization that runs.

    .DESCRIPTION
    A replication that is suspended stays as it is until Resume-VRepReplication. Of a resynchronization, what was sent and
    verified is kept on the replica, and the primary's disks are released; it later goes on from there, if nobody has
    written them meanwhile. During the merge there is nothing to suspend.

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
    Suspend-VRepReplication -VMName MyVM

    Suspends the replication of MyVM.

    .EXAMPLE
    Get-VRepReplication -ReplicationState Resynchronizing | Suspend-VRepReplication -Passthru

    Suspends all resynchronizations that run or queue, and shows what became of them.

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
            if ($PSCmdlet.ShouldProcess($relationship.VMName, 'Suspend replication')) {
                $result = Invoke-Verb -Cmdlet $PSCmdlet -Relationship $relationship -Verb suspend
                if ($null -ne $result) {
                    $last = Wait-Settled $result.Relationship { $args[0].ReplicationState -ne 'Resynchronizing' }
                    if ($Passthru) {
                        $last
                    }
                }
            }
        }
    }
}
