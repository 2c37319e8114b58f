function Get-Setting {
    # The members of a request that bound parameters set, in the order of the request.
    param([System.Collections.IDictionary]$Bound)

    $names = [ordered]@{
        ReplicaServerName    = 'replica_server'
        ReplicaServerPort    = 'replica_port'
        AllowedPrimaryServer = 'allowed_primary'
        BandwidthLimit       = 'bandwidth_limit'
    }
    $member = [ordered]@{}
    foreach ($name in $names.Keys) {
        if ($Bound.ContainsKey($name)) {
            $member[$names[$name]] = $Bound[$name]
        }
    }
    $member
}
