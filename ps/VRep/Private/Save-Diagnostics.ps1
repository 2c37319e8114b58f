function Save-Diagnostics {
    # True when the file is there, whole. Otherwise an error is written, and no file is left.
    param($Cmdlet, [string]$Instance, [string]$File, [bool]$Replace)

    $failure = $null
    try {
        # Fails when the service does not answer: before anything is written.
        $texts = [ordered]@{
            'service.json' = [VRep.Client]::RequestText($Instance, @{ verb = 'version' })
            'status.json'  = [VRep.Client]::RequestText($Instance, @{ verb = 'status' })
            'host.txt'     = Get-HostText $Cmdlet
        }
        $mode = if ($Replace) { [System.IO.FileMode]::Create } else { [System.IO.FileMode]::CreateNew }
        $stream = [System.IO.File]::Open($File, $mode)
        try {
            Write-Archive -Stream $stream -Instance $Instance -Text $texts
        } catch {
            $stream.Dispose()
            [System.IO.File]::Delete($File)
            throw
        } finally {
            $stream.Dispose()
        }
        return $true
    } catch [VRep.ServiceException] {
        $failure = $_.Exception
    } catch [System.IO.IOException], [System.UnauthorizedAccessException] {
        $code = if ([System.IO.File]::Exists($File)) { 'AlreadyExists' } else { 'IoError' }
        $failure = [VRep.ServiceException]::new($code, $_.Exception.GetBaseException().Message,
            'Choose another path, or replace a file with -Force.')
    }
    Write-Failure -Cmdlet $Cmdlet -Exception $failure -Target $File
    $false
}

function Write-Archive {
    param([System.IO.Stream]$Stream, [string]$Instance, [System.Collections.IDictionary]$Text)

    # Not loaded by itself in Windows PowerShell.
    $null = [System.Reflection.Assembly]::Load(
        'System.IO.Compression, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089')
    $archive = [System.IO.Compression.ZipArchive]::new($Stream, [System.IO.Compression.ZipArchiveMode]::Create, $true)
    try {
        foreach ($name in $Text.Keys) {
            Write-ArchiveEntry $archive $name $Text[$name]
        }
        $request = @{ verb = 'events'; limit = 1000; after = 0 }
        $number = 0
        do {
            $page = [VRep.Client]::RequestText($Instance, $request)
            $number++
            Write-ArchiveEntry $archive "events-$number.json" $page
            $result = [VRep.Json]::Read($page, [VRep.EventsResult], $Instance)
            $request['after'] = $result.Last
        } while ($result.More)
    } finally {
        $archive.Dispose()
    }
}

function Write-ArchiveEntry {
    param($Archive, [string]$Name, [string]$Text)

    $writer = [System.IO.StreamWriter]::new($Archive.CreateEntry($Name).Open(), [System.Text.UTF8Encoding]::new($false))
    try {
        $writer.Write($Text)
    } finally {
        $writer.Dispose()
    }
}

function Get-HostText {
    param($Cmdlet)

    $version = $Cmdlet.SessionState.PSVariable.GetValue('PSVersionTable')
    @(
        "Module: $($Cmdlet.MyInvocation.MyCommand.Module.Version), library $([VRep.Client]::LibraryVersion)"
        "PowerShell: $($version['PSVersion'])"
        "System: $([System.Environment]::OSVersion.VersionString), $([System.Environment]::ProcessorCount) processors"
        "Host: $([System.Environment]::MachineName)"
        "Time: $([datetime]::UtcNow.ToString('o')), local time zone $([System.TimeZoneInfo]::Local.Id)"
    ) -join "`r`n"
}
