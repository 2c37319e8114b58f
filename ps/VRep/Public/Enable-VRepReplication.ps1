function Enable-VRepReplication {
    <#
    .SYNOPSIS
    Enables replication of a virtual machine's disks, on the primary or, with -AsReplica, on the replica server.

    .DESCRIPTION
    Both servers agree: the replica's administrator says with -AsReplica which disks may be made identical, the primary's which
    disks, and to which server. The disks pair by their order. Afterwards Resume-VRepReplication -Resynchronize makes
    them identical.

    Where Hyper-V's module is present, the disks and the id of a virtual machine come from Get-VM and Get-VMHardDiskDrive.
    Elsewhere, and for disks of no virtual machine, give -ReplicatedDiskPaths; the name is then yours to choose.

    .PARAMETER VMName
    The name of the virtual machine, or of the relationship where there is none. Where Hyper-V is present, several and
    wildcards are allowed.

    .PARAMETER VM
    Virtual machines, as Get-VM gives them.

    .PARAMETER ReplicaServerName
    The server that holds the replica: a host name or an address.

    .PARAMETER ReplicaServerPort
    The port at which the replica server listens.

    .PARAMETER AuthenticationType
    How the servers authenticate each other. This version has None only: use a connection that you trust.

    .PARAMETER ReplicatedDiskPaths
    Paths of the disks (VHD or VHDX), in the order in which they pair with the other server's.

    .PARAMETER ExcludedVhdPath
    Paths of disks of the virtual machine that are not replicated.

    .PARAMETER VMId
    The id of the relationship on the primary; a new one when it is omitted and no virtual machine gives one. The replica takes
    it over at the first contact.

    .PARAMETER AutoResynchronizeEnabled
    Whether a resynchronization that is required starts by itself, inside the window. 0 and 1 may be written for it.

    .PARAMETER AutoResynchronizeIntervalStart
    When the window begins, a local time of day: 22:00:00. 18:30:00 unless it is set.

    .PARAMETER AutoResynchronizeIntervalEnd
    When the window ends; 06:00:00 unless it is set. It may lie after midnight; the same time as the begin means all day.
    What runs at its end runs on.

    .PARAMETER AutoResynchronizeSuspendAtIntervalEnd
    Suspends what still runs at the window's end; it goes on in the next window.

    .PARAMETER AsReplica
    This server holds the replica.

    .PARAMETER AllowedPrimaryServer
    The only primary server that is let in; any when it is omitted.

    .PARAMETER AsJob
    Gives a job instead of errors and output, which are the job's.

    .PARAMETER Passthru
    Gives the new relationship.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    System.String, or objects with a property VMName or Name.

    .OUTPUTS
    None; VRep.Replication with -Passthru; VRep.ReplicationJob with -AsJob.

    .EXAMPLE
    Enable-VRepReplication -VMName NewVM -AsReplica -ReplicatedDiskPaths D:\Replica\NewVM.vhdx

    On the replica server: this disk may be made identical to the primary's.

    .EXAMPLE
    Enable-VRepReplication NewVM HV02 -ReplicatedDiskPaths C:\VM\NewVM.vhdx -Passthru

    On the primary server: this disk, to the server HV02.

    .LINK
    Resume-VRepReplication

    .LINK
    Remove-VRepReplication

    .LINK
    about_VRep
    #>
    [CmdletBinding(DefaultParameterSetName = 'VMName', SupportsShouldProcess)]
    [OutputType([VRep.Replication], [VRep.ReplicationJob])]
    param(
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMName', ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMName_AsReplica', ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('Name')]
        [ValidateNotNullOrEmpty()]
        [string[]]$VMName,

        [Parameter(Mandatory, Position = 0, ParameterSetName = 'VMObject')]
        [Parameter(Mandatory, ParameterSetName = 'VMObject_AsReplica')]
        [ValidateNotNullOrEmpty()]
        [object[]]$VM,

        [Parameter(Mandatory, Position = 1, ParameterSetName = 'VMName')]
        [Parameter(Mandatory, Position = 1, ParameterSetName = 'VMObject')]
        [Alias('ReplicaServer')]
        [ValidateNotNullOrEmpty()]
        [string]$ReplicaServerName,

        [Parameter(Position = 2, ParameterSetName = 'VMName')]
        [Parameter(Position = 2, ParameterSetName = 'VMObject')]
        [Alias('ReplicaPort')]
        [ValidateRange(1, 65535)]
        [int]$ReplicaServerPort = 29242,

        [Parameter(Position = 3, ParameterSetName = 'VMName')]
        [Parameter(Position = 3, ParameterSetName = 'VMObject')]
        [Alias('AuthType')]
        [VRep.ReplicationAuthenticationType]$AuthenticationType = 'None',

        [Alias('DiskPath')]
        [ValidateNotNullOrEmpty()]
        [string[]]$ReplicatedDiskPaths,

        [ValidateNotNullOrEmpty()]
        [string[]]$ExcludedVhdPath,

        [Parameter(ParameterSetName = 'VMName')]
        [Parameter(ParameterSetName = 'VMObject')]
        [guid]$VMId,

        [Parameter(ParameterSetName = 'VMName')]
        [Parameter(ParameterSetName = 'VMObject')]
        [Alias('AutoResync')]
        [bool]$AutoResynchronizeEnabled,

        [Parameter(ParameterSetName = 'VMName')]
        [Parameter(ParameterSetName = 'VMObject')]
        [Alias('AutoResyncStart')]
        [timespan]$AutoResynchronizeIntervalStart,

        [Parameter(ParameterSetName = 'VMName')]
        [Parameter(ParameterSetName = 'VMObject')]
        [Alias('AutoResyncEnd')]
        [timespan]$AutoResynchronizeIntervalEnd,

        [Parameter(ParameterSetName = 'VMName')]
        [Parameter(ParameterSetName = 'VMObject')]
        [bool]$AutoResynchronizeSuspendAtIntervalEnd,

        [Parameter(Mandatory, ParameterSetName = 'VMName_AsReplica')]
        [Parameter(Mandatory, ParameterSetName = 'VMObject_AsReplica')]
        [switch]$AsReplica,

        [Parameter(ParameterSetName = 'VMName_AsReplica', ValueFromPipelineByPropertyName)]
        [Parameter(ParameterSetName = 'VMObject_AsReplica', ValueFromPipelineByPropertyName)]
        [Alias('AllowedPS')]
        [string]$AllowedPrimaryServer,

        [switch]$AsJob,

        [switch]$Passthru,

        [Parameter(ValueFromPipelineByPropertyName)]
        [string]$Instance
    )

    begin {
        if ($AuthenticationType -ne 'None') {
            Stop-WithUsage $PSCmdlet ("-AuthenticationType ${AuthenticationType}: this version does not authenticate servers. " +
                'Omit it or give None, and use a connection that you trust.')
        }
        $job = if ($AsJob) { New-Job $PSCmdlet }
    }

    process {
        $machines = if ($PSCmdlet.ParameterSetName -like 'VMObject*') { $VM } else { $VMName }
        $given = @{ Cmdlet = $PSCmdlet; Job = $job; Bound = $PSBoundParameters }
        foreach ($request in Get-EnableRequest @given -Machine $machines) {
            if ($AsReplica) {
                $what = 'Enable replication as replica'
                $request['as_replica'] = $true
                if ($AllowedPrimaryServer) { $request['allowed_primary'] = $AllowedPrimaryServer }
            } else {
                $what = "Enable replication to $ReplicaServerName, port $ReplicaServerPort"
                $request['replica_server'] = $ReplicaServerName
                $request['replica_port'] = $ReplicaServerPort
                $request += Get-Window -Bound $PSBoundParameters
            }
            if ($PSCmdlet.ShouldProcess("$($request['name']) ($($request['disks'] -join ', '))", $what)) {
                $enabled = Invoke-Request -Cmdlet $PSCmdlet -Job $job -Instance $Instance -Request $request `
                    -ResultType ([VRep.Replication]) -Target $request['name']
                if ($null -ne $enabled) {
                    $PSCmdlet.WriteVerbose((Get-NextStep $enabled))
                    Write-SettingsWarning -Cmdlet $PSCmdlet -Result $enabled
                    Write-Result -Job $job -Passthru $Passthru -Result $enabled
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
