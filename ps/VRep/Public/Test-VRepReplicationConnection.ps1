function Test-VRepReplicationConnection {
    <#
    .SYNOPSIS
    Tests whether a replica server can be reached.

    .DESCRIPTION
    Asks a replica server for its name and version, from this server, as a resynchronization would. With -VMName it is the
    replica server of that relationship, and it is asked whether it would accept the relationship now. Nothing is changed. A server
    that cannot be reached is an error.

    .PARAMETER ReplicaServerName
    The replica server.

    .PARAMETER ReplicaServerPort
    The port at which it listens.

    .PARAMETER VMName
    The name or id of a relationship in which this server is the primary.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, or objects with a property VMName or Name.

    .OUTPUTS
    VRep.ReplicationConnection

    .EXAMPLE
    Test-VRepReplicationConnection HV02

    Tests whether HV02 answers at the usual port.

    .EXAMPLE
    Get-VRepReplication -ReplicationMode Primary | Test-VRepReplicationConnection | Where-Object { -not $_.Accepted }

    Shows the relationships that their replica servers would not accept now.

    .LINK
    Enable-VRepReplication
    #>
    [CmdletBinding(DefaultParameterSetName = 'ReplicaServerName')]
    [OutputType([VRep.ReplicationConnection])]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'ReplicaServerName')]
        [Alias('ReplicaServer')]
        [ValidateNotNullOrEmpty()]
        [string]$ReplicaServerName,

        [Parameter(Position = 1, ParameterSetName = 'ReplicaServerName')]
        [Alias('ReplicaPort')]
        [ValidateRange(1, 65535)]
        [int]$ReplicaServerPort = 29242,

        [Parameter(Mandatory, ParameterSetName = 'VMName', ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('Name')]
        [ValidateNotNullOrEmpty()]
        [string[]]$VMName,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    process {
        $given = @{ Cmdlet = $PSCmdlet; Instance = $Instance }
        $question = @{ ResultType = [VRep.ReplicationConnection] }
        if ($PSCmdlet.ParameterSetName -eq 'ReplicaServerName') {
            $request = @{ verb = 'test-connection'; server = $ReplicaServerName; port = $ReplicaServerPort }
            return Get-Answer @given @question -Request $request -Target $ReplicaServerName
        }
        foreach ($relationship in Select-Relationship @given -Bound $PSBoundParameters) {
            $request = @{ verb = 'test-connection'; name = Get-RequestName $relationship }
            Get-Answer @given @question -Request $request -Target $relationship
        }
    }
}
