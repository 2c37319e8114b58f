# What a console shows, in 160 columns, and what Tab offers.

Test 'the table is Hyper-V''s' {
    $lines = (Show 'Get-VRepReplication').Trim().Split("`n")
    Assert-Equal 'VMName State Health Mode FrequencySec PrimaryServer ReplicaServer ReplicaPort AuthType Relationship' ($lines[0].Trim() -replace ' +', ' ') 'columns'
    Assert (@($lines | Where-Object { $_ -match '^MyVM +Replicating +Normal +Primary +\S+ +127\.0\.0\.1 +\d+ +None +Simple' }).Count -eq 1) ($lines -join "`n")
    $one = Get-VRepReplication MyVM
    Assert-Equal 'None ' "$($one.AuthType) $($one.FrequencySec)" 'AuthType and FrequencySec'
    Assert ($null -eq $one.FrequencySec) 'a number for cycles that there are not'
    Assert (@($lines | Where-Object { $_.TrimEnd().Length -gt 160 }).Count -eq 0) 'too wide'
}

Test 'the view Progress' {
    # The engine alone has no Format-Table that could choose a view: here it is the only one.
    $xml = [xml]::new()
    $xml.Load([System.IO.Path]::Combine($Lab.Module, 'VRep.format.ps1xml'))
    foreach ($view in @($xml.Configuration.ViewDefinitions.View | Where-Object { $_.Name -ne 'Progress' })) {
        $null = $view.ParentNode.RemoveChild($view)
    }
    $file = [System.IO.Path]::Combine($Lab.Disks, 'Progress.format.ps1xml')
    $xml.Save($file)
    $state = [initialsessionstate]::CreateDefault2()
    $state.Formats.Add([System.Management.Automation.Runspaces.SessionStateFormatEntry]::new($file))
    $text = [System.IO.StringWriter]::new()
    $space = [runspacefactory]::CreateRunspace([VRep.PowerShellHost.ConsoleHost]::new($text), $state)
    $space.Open()
    $shell = [powershell]::Create()
    $shell.Runspace = $space
    $null = $shell.AddCommand('Out-Default').Invoke(@(Get-VRepReplication MyVM))
    $space.Close()
    $lines = $text.ToString().Trim().Split("`n")
    Assert-Equal 'VMName State Activity Percent Total Compared Different Sent Merged PerSecond Remaining' ($lines[0].Trim() -replace ' +', ' ') 'columns'
    Assert ($lines[2] -match '^MyVM +Replicating +100 +8 MB +8 MB') "$text"
}

Test 'sizes are readable' {
    $texts = 0, 999, 1000, 1023, 1KB, 1.5MB, 212GB, 1TB, 5000TB | ForEach-Object { [VRep.ProgressText]::Size($_) }
    Assert-Equal '0 bytes|999 bytes|0.98 KB|1 KB|1 KB|1.5 MB|212 GB|1 TB|5000 TB' ($texts -join '|') 'texts'
}

Test 'all properties: Format-Table * shows the first six in 160 columns' {
    $all = @(Get-VRepReplication)
    $first = @($all[0].PSObject.Properties | ForEach-Object Name)[0..5]
    Assert-Equal 'VMName ReplicationState ReplicationHealth AutoResynchronizeEnabled AutoResynchronizeIntervalStart AutoResynchronizeIntervalEnd' ($first -join ' ') 'first'
    $width = -1
    foreach ($name in $first) {
        $width += 1 + (@($name.Length) + @($all | ForEach-Object { "$($_.$name)".Length }) | ForEach-Object { $_ } | Sort-Number)[-1]
    }
    Assert ($width -le 160) "$width columns"
}

Test 'the types of what cmdlets give are declared, for Tab after a dot' {
    foreach ($name in (Get-Module VRep).ExportedFunctions.Keys) {
        Assert (@((Get-Command $name).OutputType).Count -gt 0) $name
    }
}

Test 'Tab: names of relationships and servers, in quotes where they need them' {
    function Complete($Text) {
        [System.Management.Automation.CommandCompletion]::CompleteInput($Text, $Text.Length, $null).CompletionMatches |
            ForEach-Object CompletionText
    }
    Assert-Equal 'VM1 VM2' (@(Complete "Get-VRepReplication -Instance $($Lab.Primary) -VMName VM") -join ' ') 'VMName'
    Assert-Equal "'Slow VM'" (@(Complete "Suspend-VRepReplication -Instance $($Lab.Primary) Slow") -join ' ') 'position 0'
    Assert-Equal '127.0.0.1' (@(Complete "Get-VRepReplication -Instance $($Lab.Primary) -ReplicaServerName ") -join ' ') 'ReplicaServerName'
    Assert-Equal 'Critical' (@(Complete 'Get-VRepReplication -ReplicationHealth Cr') -join ' ') 'health'
    Assert-Equal '' (@(Complete 'Get-VRepReplication -Instance nobody -VMName VM' | Where-Object { $_ -match '^VM\d' }) -join ' ') 'no service'
}
