function Remove-VRepReplication {
    <#
    .SYNOPSIS
    Removes a replication relationship from this server.

    .DESCRIPTION
    Ends replication on this server; it must be done on the other one, too. Disks are kept on both. On a primary, a
    resynchronization is cancelled first; when the replica cannot be reached, a warning names what stays there. During the
    merge it is refused.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER ReplicationRelationshipType
    Only relationships of this type. All are Simple: a replica is not replicated further.

    .PARAMETER Passthru
    Gives the relationship as it was.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    None, or VRep.Replication with -Passthru.

    .EXAMPLE
    Remove-VRepReplication -VMName MyVM

    Removes the relationship of MyVM from this server.

    .EXAMPLE
    Remove-VRepReplication -VMName Test* -WhatIf

    Tells which relationships would be removed.

    .LINK
    Enable-VRepReplication
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
            if ($PSCmdlet.ShouldProcess($relationship.VMName, 'Remove replication')) {
                $result = Invoke-Verb -Cmdlet $PSCmdlet -Relationship $relationship -Verb remove
                if ($null -ne $result) {
                    $left = Wait-Settled $relationship { $false }
                    if ($null -ne $left -or $relationship.ResynchronizePhase -ne 'None') {
                        $PSCmdlet.WriteWarning($result.Message) # what is not done yet, or stays on the replica
                    }
                    if ($Passthru) {
                        $relationship
                    }
                }
            }
        }
    }
}
