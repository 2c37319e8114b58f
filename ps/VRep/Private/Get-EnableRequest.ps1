function Get-EnableRequest {
    # The part of an `enable` request that tells a relationship's name, id and disks: what is bound, and for the rest what
    # Hyper-V knows of the machine. One for each machine; errors for those that cannot be.
    param($Cmdlet, $Job, [System.Collections.IDictionary]$Bound, [object[]]$Machine)

    $paths = if ($Bound.ContainsKey('ReplicatedDiskPaths')) { @(Resolve-DiskPath $Cmdlet $Bound['ReplicatedDiskPaths']) }
    $excluded = if ($Bound.ContainsKey('ExcludedVhdPath')) { @(Resolve-DiskPath $Cmdlet $Bound['ExcludedVhdPath']) } else { @() }
    $hyperV = $null -ne (Get-HyperVCommand $Cmdlet 'Get-VM')
    if ($null -ne $paths -and $Machine.Count -gt 1) {
        Stop-WithUsage $Cmdlet '-ReplicatedDiskPaths belong to one virtual machine; several are given.'
    }
    foreach ($wanted in $Machine) {
        $found = if ($wanted -isnot [string]) {
            $wanted
        } elseif ($hyperV) {
            Find-VirtualMachine -Cmdlet $Cmdlet -Job $Job -Name $wanted -Needed ($null -eq $paths)
        }
        if ($null -eq $found -and $wanted -is [string] -and $null -ne $paths) {
            $found = [pscustomobject]@{ Name = $wanted }
        } elseif ($null -eq $found -and -not $hyperV) {
            Stop-WithUsage $Cmdlet ("The disks of '$wanted' are not known, for Hyper-V's module is not here: give their paths " +
                'with -ReplicatedDiskPaths.')
        }
        foreach ($one in $found) {
            $disks = if ($null -ne $paths) { $paths } else { Get-VirtualMachineDisk $Cmdlet $one }
            $request = @{
                verb  = 'enable'
                name  = [string](Get-FirstProperty $one 'VMName', 'Name')
                disks = [string[]]@($disks | Where-Object { $_ -notin $excluded })
            }
            $id = if ($Bound.ContainsKey('VMId')) { $Bound['VMId'] } else { Get-FirstProperty $one 'VMId', 'Id' }
            if ($null -ne $id -and -not $Bound.ContainsKey('AsReplica')) {
                $request['vm_id'] = [string]$id
            }
            $request
        }
    }
}

function Get-HyperVCommand {
    param($Cmdlet, [string]$Name)

    $Cmdlet.InvokeCommand.GetCommand($Name, 'Cmdlet,Function')
}

function Find-VirtualMachine {
    # Hyper-V's machines of this name, which may have wildcards. Two of one name are an error that tells their ids.
    param($Cmdlet, $Job, [string]$Name, [bool]$Needed)

    $found = @(& (Get-HyperVCommand $Cmdlet 'Get-VM') -Name $Name -ErrorAction SilentlyContinue)
    $failure = $null
    if ($found.Count -eq 0 -and $Needed) {
        $failure = [VRep.ServiceException]::new('NotFound', "Hyper-V has no virtual machine '$Name'.",
            'Give the name of one, or the paths of disks with -ReplicatedDiskPaths.')
    } elseif ($found.Count -gt 1 -and -not [WildcardPattern]::ContainsWildcardCharacters($Name)) {
        $ids = @($found | ForEach-Object { Get-FirstProperty $_ 'VMId', 'Id' }) -join ', '
        $failure = [VRep.ServiceException]::new('AlreadyExists',
            "Hyper-V has $($found.Count) virtual machines '$Name', with the ids $ids.",
            'Choose one: Get-VM -Id ID | Enable-VRepReplication')
    }
    if ($null -ne $failure) {
        Write-Failure -Cmdlet $Cmdlet -Job $Job -Exception $failure -Target $Name
    } else {
        $found
    }
}

function Get-VirtualMachineDisk {
    # Paths of its disks. One that is no file, a physical disk, is the service's to refuse.
    param($Cmdlet, $VM)

    & (Get-HyperVCommand $Cmdlet 'Get-VMHardDiskDrive') -VM $VM | ForEach-Object { $_.Path }
}

function Get-NextStep {
    param([VRep.Replication]$Relationship)

    if ($Relationship.ReplicationMode -eq 'Replica') {
        "Replication of '$($Relationship.VMName)' is enabled as replica. On the primary server: Enable-VRepReplication with " +
            'its own disks in the same order.'
    } else {
        "Replication of '$($Relationship.VMName)' is enabled as primary. When the replica server has enabled it, too: " +
            'Resume-VRepReplication -Resynchronize.'
    }
}
