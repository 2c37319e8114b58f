function Get-VRepReplication {
    <#
    .SYNOPSIS
    Gets the replication relationships of this server.

    .DESCRIPTION
    Gets the relationships that this server has, as primary or as replica, with their state, health, and how far a
    resynchronization is. What Get-VMReplication gives of a virtual machine's replication has the same names here;
    properties that begin with Resynchronize tell what Hyper-V does not.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed. All of them when it is omitted. An id
    (VMId) is taken for a name, too.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER ReplicaServerName
    Only relationships with this replica server; wildcards are allowed.

    .PARAMETER PrimaryServerName
    Only relationships with this primary server; wildcards are allowed.

    .PARAMETER ReplicationState
    Only relationships in this state.

    .PARAMETER ReplicationHealth
    Only relationships of this health.

    .PARAMETER ReplicationMode
    Only relationships in which this server has this role.

    .PARAMETER ReplicationRelationshipType
    Only relationships of this type. All are Simple: a replica is not replicated further.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, or objects with a property VMName or Name.

    .OUTPUTS
    VRep.Replication

    .EXAMPLE
    Get-VRepReplication -VMName MyVM

    Shows the relationship of the virtual machine MyVM.

    .EXAMPLE
    Get-VRepReplication -ReplicationState WaitingForStartResynchronize

    Shows all relationships that must be resynchronized.

    .EXAMPLE
    Get-VRepReplication * | Where-Object { $_.ReplicationHealth -ne 'Normal' } | ForEach-Object { $_.ReplicationHealthDetails }

    Tells what is wrong with those that are not well.

    .LINK
    Resume-VRepReplication

    .LINK
    about_VRep
    #>
    [CmdletBinding(DefaultParameterSetName = 'VMName')]
    [OutputType([VRep.Replication])]
    param(
        [Parameter(Position = 0, ParameterSetName = 'VMName', ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('Name')]
        [ValidateNotNullOrEmpty()]
        [string[]]$VMName,

        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMObject')]
        [ValidateNotNullOrEmpty()]
        [object[]]$VM,

        [Alias('ReplicaServer')]
        [string]$ReplicaServerName,

        [Alias('PrimaryServer')]
        [string]$PrimaryServerName,

        [Alias('State')]
        [VRep.ReplicationState]$ReplicationState,

        [Alias('Health')]
        [VRep.ReplicationHealthState]$ReplicationHealth,

        [Alias('Mode')]
        [VRep.ReplicationMode]$ReplicationMode,

        [Alias('Relationship')]
        [VRep.ReplicationRelationshipType]$ReplicationRelationshipType,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    process {
        $found = Select-Relationship -Cmdlet $PSCmdlet -Instance $Instance -Bound $PSBoundParameters
        foreach ($name in 'ReplicaServerName', 'PrimaryServerName') {
            if ($PSBoundParameters.ContainsKey($name)) {
                $found = @($found | Where-Object { $_.$name -like $PSBoundParameters[$name] })
            }
        }
        foreach ($name in 'ReplicationState', 'ReplicationHealth', 'ReplicationMode') {
            if ($PSBoundParameters.ContainsKey($name)) {
                $found = @($found | Where-Object { $_.$name -eq $PSBoundParameters[$name] })
            }
        }
        $found
    }
}
