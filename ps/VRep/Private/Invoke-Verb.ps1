function Invoke-Verb {
    # A verb for one relationship, with more members in $Member; the result, or nothing after an error.
    param($Cmdlet, $Job, [VRep.Replication]$Relationship, [string]$Verb, [System.Collections.IDictionary]$Member = @{},
        [type]$ResultType = [VRep.ActionResult])

    $Cmdlet.WriteVerbose("$Verb $($Relationship.VMName)")
    $request = @{ verb = $Verb; name = Get-RequestName $Relationship } + $Member
    $result = Invoke-Request -Cmdlet $Cmdlet -Job $Job -Instance $Relationship.Instance -Request $request `
        -ResultType $ResultType -Target $Relationship
    if ($result -is [VRep.ActionResult] -and $result.Message) {
        $Cmdlet.WriteVerbose($result.Message)
    }
    $result
}

function Get-RequestName {
    # The id, which stays the same whatever happens to the name. A replica has none before its first contact.
    param([VRep.Replication]$Relationship)

    if ($null -ne $Relationship.VMId) { [string]$Relationship.VMId } else { $Relationship.VMName }
}

function Wait-Settled {
    # The service carries some verbs out after it has answered. Looks until $Settled says so of the relationship, for 10 s
    # at most: a replica that can be reached takes much less. The last look; nothing once it is removed.
    param([VRep.Replication]$Relationship, [scriptblock]$Settled)

    $request = @{ verb = 'status'; name = Get-RequestName $Relationship }
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    $last = $Relationship
    while (-not (& $Settled $last) -and $clock.Elapsed.TotalSeconds -lt 10) {
        [System.Threading.Thread]::Sleep(50)
        try {
            $last = [VRep.Client]::Request($Relationship.Instance, $request, [VRep.StatusResult]).Relationships[0]
        } catch [VRep.ServiceException] {
            if ($_.Exception.Failure.Code -eq 'NotFound') {
                return
            }
            throw
        }
    }
    $last
}
