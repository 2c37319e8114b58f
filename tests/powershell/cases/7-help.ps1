# Help is there for everything, and its examples run.

$Exported = @((Get-Module VRep).ExportedFunctions.Keys)

Test 'help: synopsis, description, every parameter, two examples, links' {
    foreach ($name in $Exported) {
        $help = Get-Help $name -Full
        Assert ($help.Synopsis -and $help.Synopsis -notmatch "^\s*$name") "$name has no synopsis"
        Assert ($help.description) "$name has no description"
        Assert (@($help.examples.example).Count -ge 2) "$name has $(@($help.examples.example).Count) examples"
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters + [System.Management.Automation.PSCmdlet]::OptionalCommonParameters
        foreach ($parameter in (Get-Command $name).Parameters.Keys | Where-Object { $_ -notin $common }) {
            $described = @($help.parameters.parameter | Where-Object { $_.name -eq $parameter -and $_.PSObject.Properties['description'] })
            Assert ($described.Count -eq 1 -and $described[0].description[0].Text) "$name -$parameter is not described"
        }
    }
}

Test 'help: about_VRep and about_VRep_Resynchronization, which name every cmdlet' {
    $about = Get-Help about_VRep
    Assert ("$about" -match 'Hyper-V Replica') 'about_VRep'
    foreach ($name in $Exported) { Assert ("$about" -match "\b$name\b") "about_VRep does not name $name" }
    Assert ("$(Get-Help about_VRep_Resynchronization)" -match 'OverwriteReplica') 'about_VRep_Resynchronization'
}

# What must be so for an example, and what its placeholders stand for here.
$Replace = [ordered]@{
    'D:\Replica\NewVM.vhdx' = "'$(Get-Disk NewVM replica)' -Instance $($Lab.Replica)"
    'C:\VM\NewVM.vhdx'      = "'$(Get-Disk NewVM primary)'"
    '.\vrep.zip'            = "'$([System.IO.Path]::Combine($Lab.Disks, 'vrep.zip'))'"
    'HV02'                  = "127.0.0.1 -ReplicaServerPort $($Lab.Port)"
}
$Before = @{
    'Stop-VRepReplication 2'         = { Start-Slow }
    'Suspend-VRepReplication 2'      = { Start-Slow }
    'Resume-VRepReplication 1'       = { Suspend-VRepReplication MyVM }
    'Resume-VRepReplication 2'       = { Suspend-VRepReplication MyVM }
    'Resume-VRepReplication 4'       = { Suspend-VRepReplication NewVM }
    'Resume-VRepReplication 5'       = { Stop-VRepReplication 'Slow VM', NewVM -ErrorAction Ignore }
    'Compare-VRepReplication 2'      = { Wait-State NewVM Replicating }
    'Suspend-VRepReplication 1'      = { Resume-VRepReplication MyVM -ErrorAction Ignore }
    'Remove-VRepReplication 1'       = { Wait-State MyVM Replicating }
}
# MyVM has nothing left to send; where something must run, the slow one does.
$Slow = 'Stop-VRepReplication 1', 'Suspend-VRepReplication 2'

Test 'help: every example runs without an error' {
    $ran = 0
    foreach ($name in 'Enable-VRepReplication', 'Start-VRepInitialReplication', 'Get-VRepReplication', 'Set-VRepReplication', 'Compare-VRepReplication',
        'Suspend-VRepReplication', 'Resume-VRepReplication', 'Stop-VRepReplication', 'Get-VRepReplicationEvent',
        'Test-VRepReplicationConnection', 'Export-VRepDiagnostics', 'Remove-VRepReplication') {
        $number = 0
        foreach ($example in (Get-Help $name -Full).examples.example) {
            $number++
            $code = $example.code
            foreach ($placeholder in $Replace.Keys) { $code = $code.Replace($placeholder, $Replace[$placeholder]) }
            if ("$name $number" -in $Slow) { $code = $code.Replace('MyVM', "'Slow VM'") }
            if ($Before.ContainsKey("$name $number")) { $null = & $Before["$name $number"] }
            $errors = @(Get-ConsoleFailure $code)
            Assert ($errors.Count -eq 0) "$name, example ${number}: $code`n        $errors"
        }
        $ran++
    }
    Assert-Equal $Exported.Count $ran 'cmdlets whose examples ran'
}
