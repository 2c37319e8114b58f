function Compare-VRepReplication {
    <#
    .SYNOPSIS
    Compares the disks of primary and replica, and changes nothing.

    .DESCRIPTION
    Reads both sides' disks as a resynchronization reads them and tells how much differs, and where. Disks, states and
    everything else stay as they are. Meanwhile the disks are held against writers. It stays until the end and shows its progress;
    Ctrl-C leaves it running, Stop-VRepReplication ends it. What it found is kept in LastComparison of the relationship.

    It is the first step where a resynchronization may not be needed.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER AsJob
    Gives a job that ends with the comparison, whose result is the job's output; Stop-Job leaves it running.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, VRep.Replication, or objects with a property VMName or Name.

    .OUTPUTS
    VRep.Comparison; VRep.ReplicationJob with -AsJob.

    .EXAMPLE
    Compare-VRepReplication -VMName MyVM

    Compares the disks of MyVM with those of its replica.

    .EXAMPLE
    Get-VRepReplication -ReplicationMode Primary | Compare-VRepReplication | Where-Object { $_.ResynchronizeNeeded }

    Compares everything, and shows what differs.

    .LINK
    Resume-VRepReplication

    .LINK
    Stop-VRepReplication
    #>
    [CmdletBinding(DefaultParameterSetName = 'VMName', SupportsShouldProcess)]
    [OutputType([VRep.Comparison], [VRep.ReplicationJob])]
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

        [switch]$AsJob,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        $job = if ($AsJob) { New-Job $PSCmdlet }
        $started = [System.Collections.Generic.List[VRep.Replication]]::new()
    }

    process {
        $given = @{ Cmdlet = $PSCmdlet; Job = $job; Instance = $Instance; Bound = $PSBoundParameters }
        foreach ($relationship in Select-Relationship @given) {
            if ($PSCmdlet.ShouldProcess($relationship.VMName, 'Compare its disks with the replica''s')) {
                $result = Invoke-Verb -Cmdlet $PSCmdlet -Job $job -Relationship $relationship -Verb compare
                if ($null -ne $result) {
                    $started.Add($result.Relationship)
                }
            }
        }
    }

    end {
        if ($AsJob) {
            Start-FollowingJob -Cmdlet $PSCmdlet -Job $job -Started $started -Comparing $true
        } elseif ($started.Count -gt 0) {
            Wait-Following -Cmdlet $PSCmdlet -Started $started -Comparing $true
        }
    }
}
