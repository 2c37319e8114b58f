function Select-Relationship {
    # The relationships that a cmdlet's selectors name, one of which is bound. A name without wildcards that nothing has
    # is an error, as an object is whose relationship is gone.
    param($Cmdlet, $Job, [string]$Instance, [System.Collections.IDictionary]$Bound)

    $given = @{ Cmdlet = $Cmdlet; Job = $Job; Instance = $Instance }
    $found = switch ($true) {
        { $Bound.ContainsKey('VRepReplication') } { $Bound['VRepReplication']; break }
        { $Bound.ContainsKey('VM') } { Find-Relationship @given -Name (Get-VMKey $Bound['VM']); break }
        { $Bound.ContainsKey('VMName') } { Find-Relationship @given -Name $Bound['VMName']; break }
        default { Find-Relationship @given -Name '*' }
    }
    $type = if ($Bound.ContainsKey('ReplicationRelationshipType')) { $Bound['ReplicationRelationshipType'] }
    foreach ($relationship in $found) {
        if ($null -eq $type -or $relationship.ReplicationRelationshipType -eq $type) {
            $relationship
        }
    }
}

function Get-VMKey {
    # What a virtual machine's relationship is known by: the machine's id, or the name of what has no id.
    param([object[]]$VM)

    foreach ($machine in $VM) {
        $key = Get-FirstProperty $machine 'VMId', 'Id', 'VMName', 'Name'
        if ($null -eq $key) { [string]$machine } else { [string]$key }
    }
}

function Find-Relationship {
    # By exact name, id, or name with wildcards, in this order.
    param($Cmdlet, $Job, [string]$Instance, [string[]]$Name)

    $status = Invoke-Request -Cmdlet $Cmdlet -Job $Job -Instance $Instance -Request @{ verb = 'status' } `
        -ResultType ([VRep.StatusResult]) -Target ($Name -join ', ')
    if ($null -eq $status) {
        return
    }
    $seen = [System.Collections.Generic.HashSet[object]]::new()
    foreach ($wanted in $Name) {
        $matching = @(Get-Matching -Relationship $status.Relationships -Wanted $wanted)
        foreach ($relationship in $matching) {
            if ($seen.Add($relationship)) {
                $relationship
            }
        }
        if ($matching.Count -eq 0 -and -not [WildcardPattern]::ContainsWildcardCharacters($wanted)) {
            $missing = [VRep.ServiceException]::new('NotFound',
                "There is no relationship of a virtual machine '$wanted' on this server.",
                'Get-VRepReplication lists those that there are; Enable-VRepReplication makes one.')
            Write-Failure -Cmdlet $Cmdlet -Job $Job -Exception $missing -Target $wanted
        }
    }
}

function Get-Matching {
    param([VRep.Replication[]]$Relationship, [string]$Wanted)

    $exact = @($Relationship | Where-Object { $_.VMName -eq $Wanted -or [string]$_.VMId -eq $Wanted })
    if ($exact.Count -gt 0) {
        return $exact
    }
    $pattern = [WildcardPattern]::new($Wanted, 'IgnoreCase')
    $Relationship | Where-Object { $pattern.IsMatch($_.VMName) }
}
