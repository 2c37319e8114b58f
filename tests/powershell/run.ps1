# Runs the cases, all or those that are named. The exit code says whether all of their tests passed.
param([string[]]$Case = @())

Set-StrictMode -Version Latest
. "$PSScriptRoot/harness.ps1"

# The first import in this process is measured: nothing is warm.
$process = [System.Diagnostics.Process]::GetCurrentProcess()
$before = $process.TotalProcessorTime
$clock = [System.Diagnostics.Stopwatch]::StartNew()
Import-Module $Lab.Module
$ImportWall = $clock.Elapsed
$process.Refresh()
$ImportProcessor = $process.TotalProcessorTime - $before

$PSDefaultParameterValues = @{ '*-VRep*:Instance' = $Lab.Primary }
$null = Show "Import-Module '$($Lab.Module)'; `$PSDefaultParameterValues['*-VRep*:Instance'] = '$($Lab.Primary)'"

$files = [System.IO.Directory]::GetFiles("$PSScriptRoot/cases", '*.ps1')
[array]::Sort($files)
foreach ($file in $files) {
    $name = [System.IO.Path]::GetFileNameWithoutExtension($file)
    if ($Case.Count -eq 0 -or $name -in $Case) {
        Show-Line "-- $name"
        . $file
    }
}
if ($Failures.Count -gt 0) {
    Show-Line "FAILED: $($Failures -join '; ')"
}
exit [int]($Failures.Count -gt 0)
