# Every cmdlet in every way in which it is used and misused. A cell is a script, or a text that says why there is none.

$Columns = 'happy path', '-WhatIf', 'wrong name', 'wildcard', 'by object', 'by name', 'service down', 'wrong combination', 'non-interactive'

# What the last call gave, and what was so before it.
$Noted = @{ Given = @(); Compared = @{} }

function Invoke-Text { param([string]$Text) & ([scriptblock]::Create($Text)) }

# What fails with this id, for each text.
function Assert-TextFailure {
    param([string]$Id, [string[]]$Text)
    foreach ($one in $Text) { $null = Assert-Failure $Id ([scriptblock]::Create($one)) }
}

# A row for a cmdlet that selects relationships. Of the two of Pair, which Pattern alone matches, Seen tells what the cmdlet
# changes or gives, Expected what that is afterwards. Before and Restore lead there and back. Combinations: texts of calls that
# contradict themselves, by their errors' ids.
function New-Row {
    param([string]$Cmdlet, [string[]]$Pair = ('MyVM', 'VM2'), [string]$Pattern = '[MV][yM][V2]*', [string]$Rest = '', [scriptblock]$Before = {},
        [scriptblock]$Seen, [string]$Expected, [scriptblock]$Restore = {}, [hashtable]$Combinations, [hashtable]$Without = @{})

    $first, $second = $Pair
    # Runs a call between Before and Restore; both of the pair, or only the first, are as expected then.
    $try = {
        param([string]$Call, [bool]$Both)
        & $Before
        try {
            $old = & $Seen $second
            $Noted.Given = @(Invoke-Text $Call)
            Assert-Equal $Expected (& $Seen $first) "$Call, $first"
            Assert-Equal $(if ($Both) { $Expected } else { $old }) (& $Seen $second) "$Call, $second"
        } finally {
            & $Restore
        }
    }.GetNewClosure()
    $cells = @{
        'happy path'        = { & $try "$Cmdlet -VMName '$first' $Rest" $false }
        '-WhatIf'           = {
            & $Before
            $old = @(& $Seen $first; & $Seen $second) -join ' '
            $shown = Show "$Cmdlet -VMName '$first', '$second' $Rest -WhatIf"
            Assert-Equal $old (@(& $Seen $first; & $Seen $second) -join ' ') 'after -WhatIf'
            & $Restore
            foreach ($name in $Pair) { Assert ($shown -match "What if: .*\b$name\b") $shown }
        }
        'wrong name'        = {
            $record = Assert-Failure VRep.NotFound ([scriptblock]::Create("$Cmdlet -VMName Nobody $Rest")) ObjectNotFound
            Assert-Equal "VRep.NotFound,$Cmdlet" $record.FullyQualifiedErrorId 'id'
            Assert-Equal Nobody $record.TargetObject 'target'
            Assert $record.ErrorDetails.RecommendedAction 'nothing is recommended'
        }
        'wildcard'          = {
            & $try "$Cmdlet -VMName '$Pattern' $Rest" $true
            Assert-Equal 0 @(Get-Failure ([scriptblock]::Create("$Cmdlet -VMName Nobody* $Rest"))).Count 'errors when nothing matches'
        }
        'by object'         = { & $try "Get-VRepReplication '$first', '$second' | $Cmdlet $Rest" $true }
        'by name'           = {
            & $try "'$first', '$second' | ForEach-Object { [pscustomobject]@{ VMName = `$_ } } | $Cmdlet $Rest" $true
            & $try "[pscustomobject]@{ Name = '$first' } | $Cmdlet $Rest" $false
            if ('text' -notin $Without.Keys) { & $try "'$first', '$second' | $Cmdlet $Rest" $true }
        }
        'service down'      = {
            $record = Assert-Failure VRep.ServiceNotRunning ([scriptblock]::Create("$Cmdlet -VMName '$first' $Rest -Instance nobody")) ResourceUnavailable
            Assert ("$record" -match 'not running') "$record"
            Assert ($record.ErrorDetails.RecommendedAction -match '-Instance') $record.ErrorDetails.RecommendedAction
        }
        'wrong combination' = {
            $old = @(& $Seen $first; & $Seen $second) -join ' '
            foreach ($id in $Combinations.Keys) { Assert-TextFailure $id $Combinations[$id] }
            Assert-TextFailure NamedParameterNotFound "$Cmdlet -VMName '$first' $Rest -ComputerName HV02"
            Assert-Equal $old (@(& $Seen $first; & $Seen $second) -join ' ') 'afterwards'
        }
        'non-interactive'   = {
            & $Before
            $shown = Show "$Cmdlet -VMName '$first' $Rest"
            Assert ($shown -notmatch 'cannot be asked') $shown
            & $Restore
            if ('mandatory' -notin $Without.Keys) {
                $shown = Show "$Cmdlet $Rest"
                Assert ($shown -match 'VMName|VRepReplication') "without a name: $shown"
            }
        }
    }
    $row = @{}
    foreach ($column in $cells.Keys) { $row[$column] = if ($Without.ContainsKey($column)) { $Without[$column] } else { $cells[$column].GetNewClosure() } }
    $row
}

$State = { param($Name) "$((Get-VRepReplication $Name).ReplicationState)" }
$Start = { param($Name) "$($null -ne (Get-VRepReplication $Name).ResynchronizeStartTime)" }
$Both = "-VMName MyVM -VRepReplication (Get-VRepReplication MyVM)"
$Tomorrow = '([datetime]::Today.AddDays(1))'
$ChangesNothing = 'it changes nothing, and so has no -WhatIf'
$Unstarted = @{ Pair = 'VM1', 'Slow VM'; Pattern = '[VS][Ml][1o]*' } # enabled, never compared

$Matrix = @{
    'Get-VRepReplication'            = New-Row Get-VRepReplication -Seen {
        param($Name) "$(@($Noted.Given | Where-Object { $_.VMName -eq $Name -and $_ -is [VRep.Replication] }).Count)"
    } -Before { $Noted.Given = @() } -Expected 1 -Combinations @{
        AmbiguousParameterSet = 'Get-VRepReplication -VMName MyVM -VM 1'
        ParameterArgumentTransformationError = 'Get-VRepReplication -ReplicationState Nonsense'
        ParameterArgumentValidationError = "Get-VRepReplication ''"
    } -Without @{ '-WhatIf' = $ChangesNothing; mandatory = $true }
    'Set-VRepReplication'            = New-Row Set-VRepReplication -Rest '-BandwidthLimit 2MB' -Expected 2097152 -Seen {
        param($Name) "$((Get-VRepReplication $Name).BandwidthLimit)"
    } -Restore { Set-VRepReplication MyVM, VM2 -BandwidthLimit 0 } -Combinations @{
        AmbiguousParameterSet = "Set-VRepReplication $Both -BandwidthLimit 1"
        'VRep.InvalidArgument' = 'Set-VRepReplication MyVM', 'Set-VRepReplication MyVM -Passthru',
            'Set-VRepReplication MyVM -AutoResynchronizeIntervalEnd 24:00:00', 'Set-VRepReplication MyVM -AllowedPrimaryServer HV01'
        ParameterArgumentValidationError = 'Set-VRepReplication MyVM -BandwidthLimit -1', 'Set-VRepReplication MyVM -ReplicaServerPort 0',
            "Set-VRepReplication MyVM -ReplicaServerName ''"
        ParameterArgumentTransformationError = 'Set-VRepReplication MyVM -AutoResynchronizeEnabled maybe', 'Set-VRepReplication MyVM -AutoResyncStart noon'
    }
    'Suspend-VRepReplication'        = New-Row Suspend-VRepReplication -Seen $State -Expected Suspended `
        -Restore { Resume-VRepReplication MyVM, VM2 } -Combinations @{ AmbiguousParameterSet = "Suspend-VRepReplication $Both" }
    'Resume-VRepReplication'         = New-Row Resume-VRepReplication -Before { Suspend-VRepReplication MyVM, VM2 } -Seen $State `
        -Expected Replicating -Restore { Resume-VRepReplication MyVM, VM2 } -Combinations @{
        AmbiguousParameterSet = "Resume-VRepReplication $Both"
        'VRep.InvalidArgument' = 'Resume-VRepReplication MyVM -Resynchronize -Continue', 'Resume-VRepReplication MyVM -Wait -AsJob',
            'Resume-VRepReplication MyVM -AdoptIdentity', "Resume-VRepReplication MyVM -ResynchronizeStartTime $Tomorrow"
    }
    'Stop-VRepReplication'           = New-Row Stop-VRepReplication -Seen $Start -Expected False -Before {
        Suspend-VRepReplication MyVM, VM2
        Resume-VRepReplication MyVM, VM2 -Resynchronize -ResynchronizeStartTime ([datetime]::Today.AddDays(1))
    } -Restore {
        Stop-VRepReplication MyVM, VM2 -ErrorAction Ignore
        Resume-VRepReplication MyVM, VM2
    } -Combinations @{ AmbiguousParameterSet = "Stop-VRepReplication $Both"; 'VRep.Refused' = 'Stop-VRepReplication MyVM' }
    'Remove-VRepReplication'         = New-Row Remove-VRepReplication @Unstarted -Expected 0 -Seen {
        param($Name) "$(@(Get-VRepReplication | Where-Object VMName -eq $Name).Count)"
    } -Restore {
        foreach ($name in 'VM1', 'Slow VM') {
            if (@(Get-VRepReplication | Where-Object VMName -eq $name).Count -eq 0) {
                Enable-VRepReplication $name 127.0.0.1 $Lab.Port -ReplicatedDiskPaths (Get-Disk $name primary)
            }
        }
    } -Combinations @{ AmbiguousParameterSet = "Remove-VRepReplication $Both" }
    'Compare-VRepReplication'        = New-Row Compare-VRepReplication -Before {
        $Noted.Compared = @{ MyVM = (Get-VRepReplication MyVM).LastComparison; VM2 = (Get-VRepReplication VM2).LastComparison }
    } -Seen {
        param($Name)
        $last = (Get-VRepReplication $Name).LastComparison
        if ($null -eq $last) { 'none' } elseif ($null -ne $Noted.Compared[$Name] -and $Noted.Compared[$Name].Started -eq $last.Started) { 'old' } else { "$($last.Outcome)" }
    } -Expected Finished -Combinations @{ AmbiguousParameterSet = "Compare-VRepReplication $Both" }
    'Start-VRepInitialReplication'   = New-Row Start-VRepInitialReplication @Unstarted -Rest "-UseBackup -InitialReplicationStartTime $Tomorrow" `
        -Seen $Start -Expected True -Restore { Stop-VRepReplication VM1, 'Slow VM' -ErrorAction Ignore } -Combinations @{
        AmbiguousParameterSet = "Start-VRepInitialReplication $Both -UseBackup"
        'VRep.InvalidArgument' = 'Start-VRepInitialReplication VM1 -UseBackup:$false'
    }
    'Test-VRepReplicationConnection' = New-Row Test-VRepReplicationConnection -Before { $Noted.Given = @() } -Seen {
        param($Name) "$(@($Noted.Given | Where-Object VMName -eq $Name | ForEach-Object Accepted))"
    } -Expected True -Combinations @{
        AmbiguousParameterSet = 'Test-VRepReplicationConnection -ReplicaServerName HV02 -VMName MyVM'
        ParameterArgumentValidationError = 'Test-VRepReplicationConnection HV02 70000'
    } -Without @{ '-WhatIf' = $ChangesNothing; mandatory = $true; text = $true }
    'Get-VRepReplicationEvent'       = @{
        'happy path'        = { Assert-Equal 1 @(Get-VRepReplicationEvent -VMName MyVM -Id 29244 -MaxEvents 1).Count 'events' }
        '-WhatIf'           = $ChangesNothing
        'wrong name'        = { Assert-Equal 0 @(Get-VRepReplicationEvent -VMName Nobody 2>&1).Count 'events of nobody: a name may be of what was removed' }
        'wildcard'          = {
            Assert-Equal 'MyVM VM2' (@(Get-VRepReplicationEvent -VMName '[MV][yM][V2]*' | ForEach-Object VMName | Select-Unique) -join ' ') 'names'
            Assert-Equal 0 @(Get-VRepReplicationEvent -VMName Nobody* 2>&1).Count 'events'
        }
        'by object'         = { Assert-Equal VM2 (Get-VRepReplication VM2 | Get-VRepReplicationEvent | ForEach-Object VMName | Select-Unique) 'names' }
        'by name'           = {
            Assert-Equal 'MyVM VM2' (@('VM2', 'MyVM' | Get-VRepReplicationEvent | ForEach-Object VMName | Select-Unique) -join ' ') 'names'
            Assert-Equal VM2 ([pscustomobject]@{ Name = 'VM2' } | Get-VRepReplicationEvent | ForEach-Object VMName | Select-Unique) 'property'
        }
        'service down'      = { Assert-TextFailure VRep.ServiceNotRunning 'Get-VRepReplicationEvent MyVM -Instance nobody' }
        'wrong combination' = {
            Assert-TextFailure VRep.InvalidArgument 'Get-VRepReplicationEvent -StartTime ([datetime]::Now) -EndTime ([datetime]::Now.AddHours(-1))'
            Assert-TextFailure ParameterArgumentValidationError "Get-VRepReplicationEvent ''", 'Get-VRepReplicationEvent -MaxEvents 0',
                'Get-VRepReplicationEvent -Id @()'
            Assert-TextFailure ParameterArgumentTransformationError 'Get-VRepReplicationEvent -Level Loud', 'Get-VRepReplicationEvent -StartTime someday'
            Assert-TextFailure NamedParameterNotFound 'Get-VRepReplicationEvent -ComputerName HV02'
        }
        'non-interactive'   = { Assert ((Show 'Get-VRepReplicationEvent -MaxEvents 1') -match 'TimeCreated') 'nothing is shown' }
    }
    'Export-VRepDiagnostics'         = @{
        'happy path'        = {
            $path = [System.IO.Path]::Combine($Lab.Disks, 'matrix.zip')
            Export-VRepDiagnostics -Path $path
            Assert ([System.IO.FileInfo]::new($path).Length -gt 1000) 'the file'
            [System.IO.File]::Delete($path)
        }
        '-WhatIf'           = {
            $path = [System.IO.Path]::Combine($Lab.Disks, 'matrix.zip')
            Assert ((Show "Export-VRepDiagnostics '$path' -WhatIf") -match 'What if: .*matrix.zip') 'nothing is told'
            Assert (-not [System.IO.File]::Exists($path)) 'there is a file'
        }
        'wrong name'        = { Assert-TextFailure VRep.IoError "Export-VRepDiagnostics '$([System.IO.Path]::Combine($Lab.Disks, 'missing', 'matrix.zip'))'" }
        'wildcard'          = 'a file is made, none is looked for'
        'by object'         = 'it is of the whole service'
        'by name'           = 'it is of the whole service'
        'service down'      = {
            $path = [System.IO.Path]::Combine($Lab.Disks, 'matrix.zip')
            Assert-TextFailure VRep.ServiceNotRunning "Export-VRepDiagnostics '$path' -Instance nobody"
            Assert (-not [System.IO.File]::Exists($path)) 'a file is left'
        }
        'wrong combination' = {
            Assert-TextFailure VRep.InvalidArgument 'Export-VRepDiagnostics function:prompt', 'Export-VRepDiagnostics Nowhere:\matrix.zip'
            Assert-TextFailure ParameterArgumentValidationError "Export-VRepDiagnostics ''"
            Assert-TextFailure NamedParameterNotFound 'Export-VRepDiagnostics matrix.zip -VMName MyVM'
            Assert-TextFailure PositionalParameterNotFound 'Export-VRepDiagnostics matrix.zip MyVM'
        }
        'non-interactive'   = { Assert ((Show 'Export-VRepDiagnostics') -match 'Path') 'an error names what is missing' }
    }
    'Enable-VRepReplication'         = @{
        'happy path'        = {
            $made = Enable-VRepReplication -VMName NewVM -ReplicaServerName HV02 -ReplicatedDiskPaths (Get-Disk NewVM primary) -Passthru
            Assert-Equal 'NewVM WaitingForStartResynchronize' "$($made.VMName) $($made.ReplicationState)" 'made'
            Remove-VRepReplication NewVM
        }
        '-WhatIf'           = {
            $shown = Show "Enable-VRepReplication NewVM HV02 -ReplicatedDiskPaths '$(Get-Disk NewVM primary)' -WhatIf"
            Assert ($shown -match 'What if: .*NewVM') $shown
            Assert-TextFailure VRep.NotFound 'Get-VRepReplication NewVM'
        }
        'wrong name'        = { Assert-TextFailure VRep.AlreadyExists "Enable-VRepReplication MyVM HV02 -ReplicatedDiskPaths '$(Get-Disk NewVM primary)'" }
        'wildcard'          = { Assert-TextFailure VRep.InvalidArgument 'Enable-VRepReplication New* HV02' }
        'by object'         = {
            $made = [pscustomobject]@{ VMName = 'NewVM'; VMId = [guid]::NewGuid() } |
                Enable-VRepReplication -ReplicaServerName HV02 -ReplicatedDiskPaths (Get-Disk NewVM primary) -Passthru
            Assert-Equal NewVM $made.VMName 'made'
            Remove-VRepReplication NewVM
        }
        'by name'           = {
            $made = 'NewVM' | Enable-VRepReplication -ReplicaServerName HV02 -ReplicatedDiskPaths (Get-Disk NewVM primary) -Passthru
            Assert-Equal NewVM $made.VMName 'made'
            Remove-VRepReplication NewVM
        }
        'service down'      = { Assert-TextFailure VRep.ServiceNotRunning "Enable-VRepReplication NewVM HV02 -ReplicatedDiskPaths '$(Get-Disk NewVM primary)' -Instance nobody" }
        'wrong combination' = {
            $disk = Get-Disk NewVM primary
            Assert-TextFailure AmbiguousParameterSet "Enable-VRepReplication NewVM -ReplicaServerName HV02 -AsReplica -ReplicatedDiskPaths '$disk'"
            Assert-TextFailure VRep.InvalidArgument 'Enable-VRepReplication NewVM HV02', "Enable-VRepReplication NewVM, VM9 HV02 -ReplicatedDiskPaths '$disk'",
                "Enable-VRepReplication NewVM HV02 29242 Kerberos -ReplicatedDiskPaths '$disk'"
            Assert-TextFailure VRep.NotFound 'Get-VRepReplication NewVM'
        }
        'non-interactive'   = {
            $shown = Show "Enable-VRepReplication NewVM -ReplicatedDiskPaths '$(Get-Disk NewVM primary)'"
            Assert ($shown -match 'ReplicaServerName|AsReplica') $shown
        }
    }
}

foreach ($cmdlet in @((Get-Module VRep).ExportedFunctions.Keys | Select-Unique)) {
    Test "matrix: $cmdlet" {
        $row = $Matrix[$cmdlet]
        foreach ($column in $Columns) {
            $cell = $row[$column]
            Assert ($cell -is [scriptblock] -or "$cell".Length -gt 10) "${cmdlet}: nobody tests '$column'"
            try {
                if ($cell -is [scriptblock]) { $null = & $cell }
            } catch {
                throw "${column}: $($_.Exception.Message) $($_.ScriptStackTrace.Split("`n")[0])"
            }
        }
        $command = Get-Command $cmdlet
        Assert-Equal ($row['-WhatIf'] -is [scriptblock]) $command.Parameters.ContainsKey('WhatIf') "${cmdlet} has -WhatIf"
    }
}
