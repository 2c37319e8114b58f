#!/usr/bin/env bash
# Builds the program around PowerShell's engine (tests/powershell/host) in FOLDER, when its sources are newer, and prints
# where it is. Exit code 77, and a line that says so: no .NET SDK is here.
#
#   powershell_host.sh native|win64 FOLDER
set -euo pipefail
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tests/powershell/host" && pwd)
preset=$1
mkdir -p "$2"
folder=$(cd "$2" && pwd)

if ! { command -v dotnet >/dev/null && dotnet --list-sdks | grep -q '^10\.'; }; then
    echo "PowerShell's engine cannot be built: there is no .NET SDK 10" >&2
    exit 77
fi
target=(--self-contained false)
program=$folder/bin/pshost
if [ "$preset" = win64 ]; then
    target=(-r win-x64 --self-contained true)
    program+=.exe
fi
if [ ! -e "$folder/built" ] || [ -n "$(find "$source" -newer "$folder/built" -print -quit)" ]; then
    DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 dotnet publish "$source/PowerShellHost.csproj" -c Release "${target[@]}" \
        -o "$folder/bin" -p:BaseIntermediateOutputPath="$folder/obj/" -p:BaseOutputPath="$folder/out/" \
        -v quiet -nologo </dev/null >&2
    touch "$folder/built"
fi
printf '%s\n' "$program"
