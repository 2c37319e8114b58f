function Export-VRepDiagnostics {
    <#
    .SYNOPSIS
    Writes what is needed to find the cause of a problem into one file.

    .DESCRIPTION
    The file, a ZIP, has the settings of the server, all relationships with their states, settings, paths and last errors,
    all events that are still kept, and the versions of the service, the module, PowerShell and the operating system. It has no
    keys and nothing of the disks' contents; names of hosts, machines, files and accounts are in it.

    .PARAMETER Path
    The file to write.

    .PARAMETER Force
    Replaces a file that is there.

    .PARAMETER Passthru
    Gives the file.

    .PARAMETER Instance
    The instance of the service; the default one when it is omitted.

    .INPUTS
    None.

    .OUTPUTS
    None, or System.IO.FileInfo with -Passthru.

    .EXAMPLE
    Export-VRepDiagnostics -Path .\vrep.zip

    Writes vrep.zip into the current folder.

    .EXAMPLE
    Export-VRepDiagnostics .\vrep.zip -Force -Passthru

    Writes it again and shows the file.

    .LINK
    Get-VRepReplicationEvent
    #>
    [CmdletBinding(SupportsShouldProcess)]
    [OutputType([System.IO.FileInfo])]
    param(
        [Parameter(Mandatory, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string]$Path,

        [switch]$Force,

        [switch]$Passthru,

        [string]$Instance
    )

    process {
        $file = Resolve-FilePath $PSCmdlet $Path
        if ($PSCmdlet.ShouldProcess($file, 'Write diagnostics')) {
            if (Save-Diagnostics -Cmdlet $PSCmdlet -Instance $Instance -File $file -Replace $Force) {
                if ($Passthru) {
                    [System.IO.FileInfo]::new($file)
                }
            }
        }
    }
}
