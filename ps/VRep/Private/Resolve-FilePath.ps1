function Resolve-FilePath {
    # The absolute path of a file, from a path relative to the current location.
    param($Cmdlet, [string]$Path)

    $provider = $drive = $null
    try {
        $absolute = $Cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Path, [ref]$provider, [ref]$drive)
    } catch {
        Stop-WithUsage $Cmdlet $_.Exception.GetBaseException().Message
    }
    if ($provider.Name -ne 'FileSystem') {
        Stop-WithUsage $Cmdlet "'$Path' is not the path of a file."
    }
    $absolute
}

function Resolve-DiskPath {
    # Absolute paths of files as the service sees them.
    param($Cmdlet, [string[]]$Path)

    foreach ($given in $Path) {
        $absolute = Resolve-FilePath $Cmdlet $given
        if ($absolute -match '^[A-Za-z]:' -and [System.IO.DriveInfo]::new($absolute.Substring(0, 1)).DriveType -eq 'Network') {
            Stop-WithUsage $Cmdlet ("'$given' is on a network drive of this session, which the service does not see. " +
                'Give the path as \\server\share\...')
        }
        $absolute
    }
}
