# The module's functions, one a file: those of Public are its cmdlets, those of Private what they share. Messages go
# through $PSCmdlet and data through .NET, so that it runs in every host from Windows PowerShell 5.1 on.
Set-StrictMode -Version Latest

foreach ($folder in 'Private', 'Public') {
    foreach ($file in [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($PSScriptRoot, $folder), '*.ps1')) {
        . $file
    }
}

Register-Completion -CommandName @([System.IO.Directory]::GetFiles("$PSScriptRoot/Public", '*.ps1') |
        ForEach-Object { [System.IO.Path]::GetFileNameWithoutExtension($_) })
