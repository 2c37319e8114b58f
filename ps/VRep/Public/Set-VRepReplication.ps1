function Set-VRepReplication {
    <#
    .SYNOPSIS
    Changes the settings of a replication relationship.

    .DESCRIPTION
    What is omitted stays as it is. Each server has its own settings: the replica server is set on the primary, who may be the
    primary on the replica.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER ReplicaServerName
    The replica server, on the primary. It can be changed while nothing unfinished lies on the present one.

    .PARAMETER ReplicaServerPort
    The port at which the replica server listens.

    .PARAMETER AllowedPrimaryServer
    On the replica, the only primary server that is let in; an empty name lets in any.

    .PARAMETER AutoResynchronizeEnabled
    Whether a resynchronization that is required starts by itself, inside the window. 0 and 1 may be written for it.

    .PARAMETER AutoResynchronizeIntervalStart
    When the window begins, a local time of day: 22:00:00. 18:30:00 unless it is set.

    .PARAMETER AutoResynchronizeIntervalEnd
    When the window ends; 06:00:00 unless it is set. It may lie after midnight; the same time as the begin means all day.
    What runs at its end runs on.

    .PARAMETER AutoResynchronizeSuspendAtIntervalEnd
    Suspends what still runs at the window's end; it goes on in the next window.

    .PARAMETER BandwidthLimit
    Bytes per second that a resynchronization sends at most; 0 is no limit. It acts within a second.

    .PARAMETER AsJob
    Gives a job instead of errors and output, which are the job's.

    .PARAMETER Passthru
    Gives the relationship as it is afterwards.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    None; VRep.Replication with -Passthru; VRep.ReplicationJob with -AsJob.

    .EXAMPLE
    Set-VRepReplication -VMName MyVM -BandwidthLimit 20MB -Passthru

    Limits the resynchronization of MyVM to 20 MB a second.

    .EXAMPLE
    Set-VRepReplication -VMName MyVM -AutoResynchronizeEnabled 1 -AutoResynchronizeIntervalStart 22:00:00 -AutoResynchronizeIntervalEnd 05:00:00

    Lets resynchronizations of MyVM start by themselves, at night.

    .EXAMPLE
    Get-VRepReplication -ReplicationMode Primary | Set-VRepReplication -BandwidthLimit 0

    Lifts the limits of all relationships in which this server is the primary.

    .LINK
    Get-VRepReplication
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

        [Parameter(Position = 1)]
        [Alias('ReplicaServer')]
        [ValidateNotNullOrEmpty()]
        [string]$ReplicaServerName,

        [Parameter(Position = 2)]
        [Alias('ReplicaPort')]
        [ValidateRange(1, 65535)]
        [int]$ReplicaServerPort,

        [Alias('AllowedPS')]
        [AllowEmptyString()]
        [string]$AllowedPrimaryServer,

        [Alias('AutoResync')]
        [bool]$AutoResynchronizeEnabled,

        [Alias('AutoResyncStart')]
        [timespan]$AutoResynchronizeIntervalStart,

        [Alias('AutoResyncEnd')]
        [timespan]$AutoResynchronizeIntervalEnd,

        [bool]$AutoResynchronizeSuspendAtIntervalEnd,

        [ValidateRange(0, [long]::MaxValue)]
        [long]$BandwidthLimit,

        [switch]$AsJob,

        [switch]$Passthru,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        $member = Get-Setting -Bound $PSBoundParameters
        if ($member.Count -eq 0) {
            Stop-WithUsage $PSCmdlet 'Nothing is to be set.'
        }
        $told = foreach ($name in $member.Keys) { "$name $($member[$name])" }
        $job = if ($AsJob) { New-Job $PSCmdlet }
    }

    process {
        $given = @{ Cmdlet = $PSCmdlet; Job = $job; Instance = $Instance; Bound = $PSBoundParameters }
        foreach ($relationship in Select-Relationship @given) {
            if ($PSCmdlet.ShouldProcess($relationship.VMName, "Set $($told -join ', ')")) {
                $changed = Invoke-Verb -Cmdlet $PSCmdlet -Job $job -Relationship $relationship -Verb set -Member $member `
                    -ResultType ([VRep.Replication])
                if ($null -ne $changed) {
                    Write-SettingsWarning -Cmdlet $PSCmdlet -Result $changed
                    Write-Result -Job $job -Passthru $Passthru -Result $changed
                }
            }
        }
    }

    end {
        if ($AsJob) {
            Start-FollowingJob -Cmdlet $PSCmdlet -Job $job
        }
    }
}
