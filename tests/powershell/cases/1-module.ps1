# The module as such: its import, its surface, its language.
using namespace System.Management.Automation.Language

Test 'import: under half a second' {
    Show-Line ('        {0:0} ms, of which the processor had {1:0}' -f $ImportWall.TotalMilliseconds, $ImportProcessor.TotalMilliseconds)
    # Others may use the machine: what counts is what the import itself needs.
    $needed = [Math]::Min($ImportWall.TotalMilliseconds, $ImportProcessor.TotalMilliseconds)
    Assert ($needed -lt 500) "the import took $needed ms"
}

Test 'import: exports the functions of Public and nothing else' {
    $exported = @((Get-Module VRep).ExportedCommands.Keys)
    $public = [System.IO.Path]::Combine($Lab.Module, 'Public')
    $files = @([System.IO.Directory]::GetFiles($public, '*.ps1') | ForEach-Object { [System.IO.Path]::GetFileNameWithoutExtension($_) })
    Assert ($files.Count -ge 8) "$($files.Count) files"
    Assert-Equal '' (($files | Where-Object { $_ -notin $exported }) -join ' ') 'not exported'
    Assert-Equal '' (($exported | Where-Object { $_ -notin $files }) -join ' ') 'exported without a file'
}

Test 'import: the version is the library''s' {
    Assert-Equal ([VRep.Client]::LibraryVersion) (Get-Module VRep).Version.ToString() 'version'
    Assert-Equal "$([VRep.Client]::LibraryVersion).0" ([VRep.Client].Assembly.GetName().Version) 'of the assembly'
}

Test 'surface: parameters, aliases, positions, sets and pipeline are Hyper-V''s, or an exception says why' {
    $json = [System.Text.Json.Nodes.JsonNode]::Parse([System.IO.File]::ReadAllText([System.IO.Path]::Combine($Lab.Source, 'hyperv-surface.json')))
    $differences = [System.Collections.Generic.List[string]]::new()
    $exceptions = @{}
    foreach ($one in $json['exceptions'].AsArray()) {
        Assert ([string]$one['reason']) "an exception without a reason: $one"
        $exceptions["$($one['cmdlet']) $($one['parameter']) $($one['what'])"] = $false
    }
    # True for an exception, of this cmdlet or of all, which is then known to be needed.
    function Test-Exception($Cmdlet, $Parameter, $What) {
        foreach ($key in "$Cmdlet $Parameter $What", "* $Parameter $What") {
            if ($exceptions.ContainsKey($key)) { $exceptions[$key] = $true; return $true }
        }
        $false
    }
    function Get-Sets($Parameter) {
        foreach ($attribute in $Parameter.Attributes) {
            if ($attribute -is [Parameter]) { $attribute }
        }
    }
    $checked = 0
    foreach ($entry in $json['cmdlets'].AsObject().GetEnumerator()) {
        $command = Get-Command $entry.Key.Replace('-VM', '-VRep') -ErrorAction Ignore
        if ($null -eq $command) { continue }
        $known = @{}
        foreach ($parameter in $entry.Value.AsObject().GetEnumerator()) {
            $checked++
            $name = $parameter.Key
            $where = "$($command.Name) -$name"
            $theirs = $parameter.Value
            $ours = if ($name -eq 'VMReplication') { 'VRepReplication' } else { $name }
            $known[$ours] = $true
            if (-not $command.Parameters.ContainsKey($ours)) {
                if (-not (Test-Exception $entry.Key $name 'absent')) { $differences.Add("$where is absent") }
                continue
            }
            $found = $command.Parameters[$ours]
            $aliases = @($theirs['aliases'].AsArray() | ForEach-Object { [string]$_ })
            if ($name -eq 'VMReplication') { $aliases += 'VMReplication' }
            foreach ($alias in $aliases) {
                if ($alias -notin $found.Aliases) { $differences.Add("$where has no alias $alias") }
            }
            if ([string]$theirs['type'] -in 'String', 'String[]', 'Int32', 'Boolean', 'TimeSpan', 'DateTime', 'SwitchParameter' -and
                $found.ParameterType.Name -ne [string]$theirs['type']) {
                $differences.Add("$where is of type $($found.ParameterType.Name)")
            }
            foreach ($set in $theirs['sets'].AsArray() | ForEach-Object { [string]$_ }) {
                $attribute = @(Get-Sets $found | Where-Object { $_.ParameterSetName -in $set, '__AllParameterSets' -or $set -eq '*' })
                if ($attribute.Count -eq 0) {
                    if (-not (Test-Exception $entry.Key $name 'set')) { $differences.Add("$where is not in the set $set") }
                    continue
                }
                $position = if ($null -eq $theirs['position']) { [int]::MinValue } else { [int]$theirs['position'] }
                if ($attribute[0].Position -ne $position -and -not (Test-Exception $entry.Key $name 'position')) {
                    $differences.Add("$where has position $($attribute[0].Position) in $set")
                }
                if ($attribute[0].Mandatory -ne ([string]$theirs['mandatory'] -eq 'true') -and -not (Test-Exception $entry.Key $name 'mandatory')) {
                    $differences.Add("$where is mandatory in ${set}: $($attribute[0].Mandatory)")
                }
                $pipeline = switch ([string]$theirs['pipeline']) {
                    'ByValue' { $attribute[0].ValueFromPipeline }
                    'ByPropertyName' { $attribute[0].ValueFromPipelineByPropertyName }
                    default { $true }
                }
                if (-not $pipeline -and -not (Test-Exception $entry.Key $name 'pipeline')) {
                    $differences.Add("$where is not bound $($theirs['pipeline']) in $set")
                }
            }
        }
        $common = [System.Management.Automation.PSCmdlet]::CommonParameters
        $more = @($command.Parameters.Keys | Where-Object { -not $known.ContainsKey($_) -and $_ -notin $common })
        foreach ($name in $more) {
            $said = @($json['ours'].AsArray() | Where-Object { [string]$_['parameter'] -eq $name -and [string]$_['cmdlet'] -in '*', $entry.Key })
            if ($said.Count -eq 0) { $differences.Add("$($command.Name) -$name is not Hyper-V's, and nothing says why it is here") }
        }
    }
    $needless = @($exceptions.Keys | Where-Object {
            -not $exceptions[$_] -and ($_ -like '`**' -or (Get-Command $_.Split(' ')[0].Replace('-VM', '-VRep') -ErrorAction Ignore))
        } | ForEach-Object { "needless exception: $_" })
    $differences.AddRange([string[]]$needless)
    Assert ($checked -gt 80) "only $checked parameters were looked at"
    Assert ($differences.Count -eq 0) ($differences -join "`n        ")
    Show-Line "        $checked parameters"
}

Test 'language: nothing newer than 5.1, and no command that the engine alone lacks' {
    $newer = 'TernaryExpressionAst', 'PipelineChainAst'
    $files = @([System.IO.Directory]::GetFiles($Lab.Module, '*.ps*1', 'AllDirectories'))
    Assert ($files.Count -gt 15) "only $($files.Count) files"
    $own = @($files | ForEach-Object {
            [Parser]::ParseFile($_, [ref]$null, [ref]$null).FindAll({ $args[0] -is [FunctionDefinitionAst] }, $true) | ForEach-Object Name
        })
    $core = @(Get-Command -Module Microsoft.PowerShell.Core | ForEach-Object Name)
    foreach ($file in $files) {
        $tokens = $errors = $null
        $ast = [Parser]::ParseFile($file, [ref]$tokens, [ref]$errors)
        Assert ($errors.Count -eq 0) "${file}: $errors"
        foreach ($node in $ast.FindAll({ $true }, $true)) {
            Assert ($node.GetType().Name -notin $newer) "${file}: $node"
            if ($node -is [InvokeMemberExpressionAst] -or $node -is [MemberExpressionAst] -or $node -is [IndexExpressionAst]) {
                Assert (-not $node.NullConditional) "${file}: $node"
            }
            if ($node -is [ScriptBlockAst]) { Assert ($null -eq $node.CleanBlock) "${file}: a clean block" }
            if ($node -is [CommandAst] -and $node.GetCommandName()) {
                $name = $node.GetCommandName()
                Assert ($name -in $own -or $name -in $core) "${file}: the command $name"
                Assert (@($node.CommandElements | Where-Object { "$_" -eq '-Parallel' }).Count -eq 0) "${file}: -Parallel"
            }
        }
        foreach ($token in $tokens) {
            Assert ("$($token.Kind)" -notin 'QuestionQuestion', 'QuestionQuestionEquals', 'QuestionDot', 'QuestionLBracket', 'AndAnd', 'OrOr') "${file}: $($token.Text)"
        }
    }
}

Test 'objects: Hyper-V''s names come first, short names are hidden from *' {
    $names = @([VRep.Replication].GetProperties() | ForEach-Object Name)
    Assert-Equal 'VMName ReplicationState ReplicationHealth AutoResynchronizeEnabled AutoResynchronizeIntervalStart AutoResynchronizeIntervalEnd' `
        ($names[0..5] -join ' ') 'first properties'
    $short = 'Name', 'Id', 'State', 'Health', 'Mode', 'FrequencySec', 'PrimaryServer', 'ReplicaServer', 'ReplicaPort', 'AuthType', 'Relationship'
    Assert-Equal '4 10 11 12' (([VRep.ReplicationState]'Replicating', [VRep.ReplicationState]'WaitingForStartResynchronize',
            [VRep.ReplicationState]'Resynchronizing', [VRep.ReplicationState]'ResynchronizeSuspended' | ForEach-Object { [int]$_ }) -join ' ') 'numbers'
    $object = [System.Runtime.Serialization.FormatterServices]::GetUninitializedObject([VRep.Replication])
    foreach ($name in $short) {
        Assert ($null -ne $object.PSObject.Properties[$name]) "no short name $name"
        Assert ($name -notin @($object.PSObject.Properties.Match('*') | ForEach-Object Name)) "$name is shown by *"
    }
}
