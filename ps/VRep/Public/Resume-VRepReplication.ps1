function Resume-VRepReplication {
    <#
    .SYNOPSIS
    Resumes replication, or starts or continues a resynchronization.

    .DESCRIPTION
    Without -Resynchronize it does what fits the state: a suspended replication goes on, a suspended or failed
    resynchronization continues where it was, and one that waits for its next attempt tries at once. Where a
    resynchronization must come first, an error says so.

    With -Resynchronize the disks of primary and replica are compared block by block from the beginning, and what differs is
    sent. It returns as soon as the service has begun or queued it, as Resume-VMReplication does; use -Wait to stay and
    see the progress, or -AsJob. Until the merge the replica's disks are not written and Stop-VRepReplication cancels.

    Whether it is needed at all, Compare-VRepReplication finds without changing anything: the first step where you are not
    sure. When not to resynchronize by hand: while the primary's disk is in use, during hours in which both hosts' storage is
    needed (both read their whole disks), and when the replica's content may be the one that is wanted (see
    -OverwriteReplica). A resynchronization that was suspended or interrupted needs no new one: continue it.

    .PARAMETER VMName
    Names of virtual machines, that is of relationships; wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER VRepReplication
    Relationships, as Get-VRepReplication gives them.

    .PARAMETER Resynchronize
    Starts a resynchronization from block 0. A replication that runs must be suspended first. With -WhatIf the replica is asked
    and it is told what would be done.

    .PARAMETER ResynchronizeStartTime
    When it starts, instead of at once: a local time, at most seven days ahead. Goes with -Resynchronize. A text is read month
    first whatever the culture; [datetime]::Today.AddHours(22) cannot be misread. It survives restarts, and one that comes
    while the service does not run happens when it starts. Stop-VRepReplication takes it back.

    .PARAMETER Continue
    Continues a resynchronization that was suspended or has failed, where it was.

    .PARAMETER OverwriteReplica
    Goes on although somebody else has written the replica's disks since they were last made identical, or has resized them:
    gives up what they wrote. Look at both disks first.

    .PARAMETER AdoptIdentity
    The replica's disks take over the identifiers by which a guest knows the primary's. Goes with -Resynchronize.

    .PARAMETER ReplicationRelationshipType
    Only relationships of this type. All are Simple: a replica is not replicated further.

    .PARAMETER Wait
    Stays until the resynchronization has come to its end, and shows its progress. Ctrl-C ends the waiting and leaves the
    resynchronization running.

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
    Resume-VRepReplication -VMName MyVM

    Resumes the replication of MyVM, or goes on with its resynchronization.

    .EXAMPLE
    Resume-VRepReplication -VMName MyVM -Resynchronize -WhatIf

    Tells what a resynchronization would do, and does nothing.

    .EXAMPLE
    Suspend-VRepReplication -VMName MyVM; Resume-VRepReplication -VMName MyVM -Resynchronize -Wait

    Resynchronizes a replication that is healthy, and stays until it is done.

    .EXAMPLE
    Resume-VRepReplication -VMName NewVM -Resynchronize -ResynchronizeStartTime ([datetime]::Today.AddDays(1).AddHours(22))

    Starts the resynchronization of NewVM tomorrow at 22:00.

    .EXAMPLE
    Get-VRepReplication -ReplicationState WaitingForStartResynchronize | Resume-VRepReplication -Resynchronize

    Starts all resynchronizations that are required. Some of them run at once, the others queue.

    .LINK
    Compare-VRepReplication

    .LINK
    Suspend-VRepReplication

    .LINK
    Stop-VRepReplication

    .LINK
    about_VRep_Resynchronization
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

        [Alias('Resync')]
        [switch]$Resynchronize,

        [Alias('ResyncStart')]
        [datetime]$ResynchronizeStartTime,

        [switch]$Continue,

        [switch]$OverwriteReplica,

        [switch]$AdoptIdentity,

        [Alias('Relationship')]
        [VRep.ReplicationRelationshipType]$ReplicationRelationshipType,

        [switch]$Wait,

        [switch]$AsJob,

        [switch]$Passthru,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        if ($Resynchronize -and $Continue) {
            Stop-WithUsage $PSCmdlet '-Resynchronize begins at block 0 and -Continue goes on where it was; give one of them.'
        }
        if ($Wait -and $AsJob) {
            Stop-WithUsage $PSCmdlet '-Wait stays and -AsJob does not; give one of them.'
        }
        if ($AdoptIdentity -and -not $Resynchronize) {
            Stop-WithUsage $PSCmdlet '-AdoptIdentity goes with -Resynchronize.'
        }
        $startTime = if ($PSBoundParameters.ContainsKey('ResynchronizeStartTime')) { $ResynchronizeStartTime }
        if ($null -ne $startTime -and -not $Resynchronize) {
            Stop-WithUsage $PSCmdlet '-ResynchronizeStartTime goes with -Resynchronize.'
        }
        $job = if ($AsJob) { New-Job $PSCmdlet }
        $member = @{}
        if ($Resynchronize) { $member['resynchronize'] = $true }
        if ($Continue) { $member['continue'] = $true }
        if ($OverwriteReplica) { $member['overwrite_replica'] = $true }
        if ($AdoptIdentity) { $member['adopt_identity'] = $true }
        if ($null -ne $startTime) { $member['resynchronize_start_time'] = ConvertTo-RequestTime $startTime }
        $started = [System.Collections.Generic.List[VRep.Replication]]::new()
    }

    process {
        $given = @{ Cmdlet = $PSCmdlet; Job = $job; Instance = $Instance; Bound = $PSBoundParameters }
        foreach ($relationship in Select-Relationship @given) {
            $question = @{
                Relationship = $relationship; Resynchronize = $Resynchronize; OverwriteReplica = $OverwriteReplica; StartTime = $startTime
            }
            if (Confirm-Resume -Cmdlet $PSCmdlet -Job $job @question) {
                Invoke-Resume -Cmdlet $PSCmdlet -Job $job -Relationship $relationship -Member $member -Follow ($Wait -or $AsJob) `
                    -Started $started -Passthru $Passthru
            }
        }
    }

    end {
        if ($AsJob) {
            Start-FollowingJob -Cmdlet $PSCmdlet -Job $job -Started $started -PassThru $Passthru
        } elseif ($Wait -and $started.Count -gt 0) {
            Wait-Following -Cmdlet $PSCmdlet -Started $started -PassThru $Passthru
        }
    }
}
