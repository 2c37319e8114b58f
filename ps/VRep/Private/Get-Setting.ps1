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
    $window = Get-Window -Bound $Bound
    foreach ($name in $window.Keys) {
        $member[$name] = $window[$name]
    }
    $member
}

function Get-Window {
    # The members that the parameters of the window set.
    param([System.Collections.IDictionary]$Bound)

    $names = [ordered]@{
        AutoResynchronizeEnabled              = 'auto_resynchronize_enabled'
        AutoResynchronizeIntervalStart        = 'auto_resynchronize_interval_start'
        AutoResynchronizeIntervalEnd          = 'auto_resynchronize_interval_end'
        AutoResynchronizeSuspendAtIntervalEnd = 'auto_resynchronize_suspend_at_interval_end'
    }
    $member = @{}
    foreach ($name in $names.Keys) {
        if ($Bound.ContainsKey($name)) {
            # "22:00:00"; a day or more is the service's to refuse
            $member[$names[$name]] = if ($Bound[$name] -is [timespan]) { $Bound[$name].ToString('c') } else { $Bound[$name] }
        }
    }
    $member
}
