function Get-VRepReplicationEvent {
    <#
    .SYNOPSIS
    Gets events of the service.

    .DESCRIPTION
    Gets what the service has recorded, the newest first, as Get-WinEvent does. Where Hyper-V Replica has an event for a
    condition, the number is the same.

    .PARAMETER VMName
    Only events of these virtual machines, by name; wildcards are allowed. An id (VMId) is taken for a name, too. All
    events, those of no machine included, when it is omitted.

    .PARAMETER Id
    Only events with these numbers.

    .PARAMETER Level
    Only events of these levels.

    .PARAMETER StartTime
    Only events from this time on.

    .PARAMETER EndTime
    Only events up to this time.

    .PARAMETER MaxEvents
    At most so many.

    .PARAMETER Oldest
    The oldest first.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    VRep.ReplicationEvent

    .EXAMPLE
    Get-VRepReplicationEvent -VMName MyVM -MaxEvents 10

    Shows the newest ten events of MyVM.

    .EXAMPLE
    Get-VRepReplicationEvent -Level Error, Warning -StartTime ([datetime]::Today)

    Shows what went wrong today.

    .EXAMPLE
    Get-VRepReplicationEvent -Id 29244 | ForEach-Object { '{0} {1}' -f $_.VMName, $_.Properties['BlocksSent'] }

    Tells how many blocks each resynchronization of a disk has sent.

    .LINK
    Get-VRepReplication
    #>
    [CmdletBinding()]
    [OutputType([VRep.ReplicationEvent])]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('Name')]
        [ValidateNotNullOrEmpty()]
        [string[]]$VMName,

        [ValidateNotNullOrEmpty()]
        [int[]]$Id,

        [ValidateNotNullOrEmpty()]
        [VRep.EventLevel[]]$Level,

        [datetime]$StartTime,

        [datetime]$EndTime,

        [ValidateRange(1, [int]::MaxValue)]
        [int]$MaxEvents = [int]::MaxValue,

        [switch]$Oldest,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        $both = $PSBoundParameters.ContainsKey('StartTime') -and $PSBoundParameters.ContainsKey('EndTime')
        if ($both -and $EndTime -lt $StartTime) {
            Stop-WithUsage $PSCmdlet '-EndTime lies before -StartTime: no event can be between them.'
        }
    }

    process {
        $request = @{ verb = 'events'; limit = 1000; newest = -not $Oldest }
        if ($PSBoundParameters.ContainsKey('Id')) {
            $request['ids'] = [int[][]]@($Id | ForEach-Object { , @($_, $_) })
        }
        if ($PSBoundParameters.ContainsKey('Level')) {
            $request['levels'] = [int[]]$Level
        }
        if ($PSBoundParameters.ContainsKey('StartTime')) {
            $request['since'] = ConvertTo-RequestTime $StartTime
        }
        if ($PSBoundParameters.ContainsKey('EndTime')) {
            $request['until'] = ConvertTo-RequestTime $EndTime
        }
        $names = @(if ($PSBoundParameters.ContainsKey('VMName')) { $VMName })
        Read-Event -Cmdlet $PSCmdlet -Instance $Instance -Request $request -Name $names -Maximum $MaxEvents
    }
}
