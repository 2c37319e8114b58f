function Read-Event {
    # Page after page of the events that $Request asks for, those of $Name only; at most $Maximum.
    param($Cmdlet, [string]$Instance, [hashtable]$Request, [string[]]$Name, [int]$Maximum)

    $patterns = @()
    if ($Name.Count -eq 1 -and -not [WildcardPattern]::ContainsWildcardCharacters($Name[0])) {
        $Request['name'] = $Name[0] # the service looks for one
    } else {
        $patterns = @($Name | ForEach-Object { [WildcardPattern]::new($_, 'IgnoreCase') })
    }
    $left = $Maximum
    do {
        $page = Invoke-Request -Cmdlet $Cmdlet -Instance $Instance -Request $Request -ResultType ([VRep.EventsResult]) `
            -Target ($Name -join ', ')
        if ($null -eq $page) {
            return
        }
        $events = $page.Events
        if ($Request['newest']) {
            [array]::Reverse($events)
            $Request['before'] = $page.First
        } else {
            $Request['after'] = $page.Last
        }
        foreach ($one in $events) {
            if ($left -gt 0 -and (Test-EventName $one $patterns)) {
                $one
                $left--
            }
        }
    } while ($page.More -and $left -gt 0)
}

function Test-EventName {
    param([VRep.ReplicationEvent]$Event, [WildcardPattern[]]$Pattern)

    if ($Pattern.Count -eq 0) {
        return $true
    }
    foreach ($one in $Pattern) {
        if ($one.IsMatch([string]$Event.VMName) -or ($null -ne $Event.VMId -and $one.IsMatch([string]$Event.VMId))) {
            return $true
        }
    }
    $false
}

function ConvertTo-RequestTime {
    # Times in requests are UTC.
    param([datetime]$Time)

    $Time.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", [cultureinfo]::InvariantCulture)
}
