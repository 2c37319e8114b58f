# The tests' own words. A case is a script in cases/ whose tests run in their order, in one engine.
$Failures = [System.Collections.Generic.List[string]]::new()
$Lab = @{
    Module   = $env:VREP_PS_MODULE  # the module's folder
    Primary  = $env:VREP_PS_PRIMARY # instances of the service
    Replica  = $env:VREP_PS_REPLICA
    Port     = [int]$env:VREP_PS_PORT # where the replica listens
    Disks    = $env:VREP_PS_DISKS   # folder of NAME-primary.vhdx and NAME-replica.vhdx
    Source   = $env:VREP_PS_SOURCE  # tests/powershell
    Patience = [int]$env:VREP_PS_PATIENCE
}

function Test {
    param([string]$Name, [scriptblock]$Body)

    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    try {
        $null = & $Body
        Show-Line ('ok      {0} ({1} ms)' -f $Name, $clock.ElapsedMilliseconds)
    } catch {
        $Failures.Add($Name)
        Show-Line "FAILED  $Name`n        $($_.Exception.Message)`n        $($_.ScriptStackTrace -replace "`n", "`n        ")"
    }
}

function Show-Line { param([string]$Text) [Console]::Out.WriteLine($Text) }

function Assert { param($Condition, [string]$Message) if (-not $Condition) { throw $Message } }

function Assert-Equal {
    param($Expected, $Actual, [string]$What)
    if ("$Expected" -cne "$Actual") { throw "${What}: '$Expected' expected, seen '$Actual'" }
}

# Each text once, in order.
function Select-Unique {
    param([Parameter(ValueFromPipeline)][string[]]$Text)
    begin { $set = [System.Collections.Generic.SortedSet[string]]::new() }
    process { foreach ($one in $Text) { $null = $set.Add($one) } }
    end { $set }
}

function Sort-Number { $numbers = [int[]]@($input); [array]::Sort($numbers); $numbers }

# The errors of a script, terminating or not.
function Get-Failure {
    param([scriptblock]$Script)
    try {
        @(& $Script 2>&1 | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] })
    } catch {
        $_
    }
}

# The script has exactly one error, of this id; the record.
function Assert-Failure {
    param([string]$Id, [scriptblock]$Script, [string]$Category)
    $errors = @(Get-Failure $Script)
    Assert ($errors.Count -eq 1) "$Script has $($errors.Count) errors, not one: $errors"
    Assert ($errors[0].FullyQualifiedErrorId -like "$Id,*") "${Script}: $Id expected, seen $($errors[0].FullyQualifiedErrorId): $($errors[0])"
    if ($Category) { Assert-Equal $Category $errors[0].CategoryInfo.Category "$Script, category" }
    $errors[0]
}

function Wait-Until {
    param([string]$What, [scriptblock]$Condition, [int]$Seconds = 30)
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $Seconds * $Lab.Patience) { throw "not within $($Seconds * $Lab.Patience) s: $What" }
        [System.Threading.Thread]::Sleep(50)
    }
}

function Wait-State {
    param([string]$Name, [string]$State)
    Wait-Until "$Name comes to $State, is $((Get-VRepReplication $Name).ReplicationState)" {
        (Get-VRepReplication $Name).ReplicationState -eq $State
    }
}

function Get-Disk { param([string]$Name, [string]$Side) [System.IO.Path]::Combine($Lab.Disks, "$Name-$Side.vhdx") }

# A session of its own, with the module, whose host keeps what it shows. Not interactive.
$Console = & {
    $text = [System.IO.StringWriter]::new()
    $space = [runspacefactory]::CreateRunspace([VRep.PowerShellHost.ConsoleHost]::new($text),
        [initialsessionstate]::CreateDefault2())
    $space.Open()
    @{ Text = $text; Runspace = $space }
}

function New-ConsoleCommand {
    param([string]$Script)
    $shell = [powershell]::Create()
    $shell.Runspace = $Console.Runspace
    $null = $shell.AddScript($Script, $false).AddCommand('Out-Default')
    $shell.Commands.Commands[0].MergeMyResults('Error', 'Output')
    $shell
}

# What a console shows for a script.
function Show {
    param([string]$Script)
    $null = $Console.Text.GetStringBuilder().Clear()
    $shell = New-ConsoleCommand $Script
    try { $null = $shell.Invoke() } finally { $shell.Dispose() }
    $Console.Text.ToString().Replace("`r", '')
}

# The errors of a script that is typed at the console.
function Get-ConsoleFailure {
    param([string]$Script)
    $shell = [powershell]::Create()
    $shell.Runspace = $Console.Runspace
    try {
        $null = $shell.AddScript($Script, $false).Invoke()
        @($shell.Streams.Error)
    } catch {
        $_
    } finally {
        $shell.Dispose()
    }
}
