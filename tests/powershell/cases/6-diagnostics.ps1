# Export-VRepDiagnostics.

Test 'diagnostics: one file with settings, states, events and versions' {
    $path = [System.IO.Path]::Combine($Lab.Disks, 'diagnostics.zip')
    $shown = Show "Export-VRepDiagnostics '$path' -WhatIf"
    Assert ($shown -match 'What if: .*diagnostics.zip' -and -not [System.IO.File]::Exists($path)) $shown
    $file = Export-VRepDiagnostics $path -Passthru
    Assert ($file -is [System.IO.FileInfo] -and $file.FullName -eq $path) "$file"
    $archive = [System.IO.Compression.ZipFile]::OpenRead($path)
    try {
        $texts = @{}
        foreach ($entry in $archive.Entries) {
            $reader = [System.IO.StreamReader]::new($entry.Open())
            $texts[$entry.Name] = $reader.ReadToEnd()
            $reader.Dispose()
        }
    } finally {
        $archive.Dispose()
    }
    Assert-Equal 'events-1.json host.txt service.json status.json' (@($texts.Keys | Select-Unique) -join ' ') 'files'
    $status = [System.Text.Json.Nodes.JsonNode]::Parse($texts['status.json'])
    Assert-Equal @(Get-VRepReplication).Count $status['Relationships'].AsArray().Count 'relationships'
    Assert ($null -ne $status['Server']['ListenPort']) 'settings of the server'
    $events = [System.Text.Json.Nodes.JsonNode]::Parse($texts['events-1.json'])
    Assert ($events['Events'].AsArray().Count -gt 30) 'events'
    Assert-Equal ([VRep.Client]::LibraryVersion) $texts['service.json'].Split('"')[3] 'version'
    Assert ($texts['host.txt'] -match 'PowerShell: \d') $texts['host.txt']
}

Test 'diagnostics: no file is replaced without -Force, none is left after a failure' {
    $path = [System.IO.Path]::Combine($Lab.Disks, 'diagnostics.zip')
    $before = [System.IO.FileInfo]::new($path).LastWriteTimeUtc
    $null = Assert-Failure VRep.AlreadyExists { Export-VRepDiagnostics $path } ResourceExists
    Assert-Equal $before ([System.IO.FileInfo]::new($path).LastWriteTimeUtc) 'untouched'
    Export-VRepDiagnostics $path -Force
    $none = [System.IO.Path]::Combine($Lab.Disks, 'none.zip')
    $null = Assert-Failure VRep.ServiceNotRunning { Export-VRepDiagnostics $none -Instance nobody }
    Assert (-not [System.IO.File]::Exists($none)) 'a file is left'
    $null = Assert-Failure VRep.IoError { Export-VRepDiagnostics ([System.IO.Path]::Combine($Lab.Disks, 'missing', 'none.zip')) }
}
