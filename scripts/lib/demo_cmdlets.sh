# What the demo's administrators type, in PowerShell: one session of its own engine, a Windows program under Wine, to which
# they type. Sourced by scripts/demo; demo_vrepctl.sh has the same in vrepctl.
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

tongue_targets=(vrep_module_VRep)
session_end=$'\004' # a line of it follows each command's output
session_pid=

tongue_up() {
    local program
    program=$("$top/scripts/lib/powershell_host.sh" win64 "$top/build/demo/pshost") ||
        setup_fail "The demo in PowerShell needs the .NET SDK 10 and its packages."
    headline "PowerShell"
    say "PowerShell's own engine, as a Windows program. Progress, which a console draws in one place, is a line each here."
    wine reg add 'HKCU\Software\Wine\AppDefaults\pshost.exe' /v Version /d win10 /f </dev/null >/dev/null 2>&1
    coproc SESSION {
        exec env PSExecutionPolicyPreference=Bypass DOTNET_EnableWriteXorExecute=0 WINEDLLOVERRIDES='mshtml,winedbg.exe=' \
            wine "$program" --session "$(disk_name "$work")" 2>/dev/null
    }
    session_pid=$SESSION_PID
    enter "Import-Module .\\bin\\modules\\VRep"
}

tongue_down() {
    [ -n "$session_pid" ] || return 0
    kill "$session_pid" 2>/dev/null || true
    session_pid=
}

# Types a line; shows it and what it prints.
enter() { # LINE
    local line
    printf '%s\n' "$1" >&"${SESSION[1]}"
    while IFS= read -r line <&"${SESSION[0]}" && line=${line%$'\r'} && [ "$line" != "$session_end" ]; do
        printf '   %s\n' "${line%"${line##*[![:space:]]}"}"
    done
}

type_enable_replica() {
    enter "Enable-VRepReplication -VMName '$name' -AsReplica -ReplicatedDiskPaths .\\${disk_replica##*/} -Instance replica"
}
type_enable_primary() {
    enter "\$PSDefaultParameterValues['*-VRep*:Instance'] = 'primary'"
    enter "Enable-VRepReplication '$name' 127.0.0.1 $port_replica -ReplicatedDiskPaths .\\${disk_primary##*/}"
}
type_status() { enter "Get-VRepReplication"; }
type_limit() { # MIB a second, 0: none
    local limit=$1
    [ "$1" -eq 0 ] || limit+=MB
    enter "Set-VRepReplication '$name' -BandwidthLimit $limit"
}
type_start() {
    enter "Resume-VRepReplication -VMName '$name' -Resynchronize -WhatIf"
    enter "Resume-VRepReplication -VMName '$name' -Resynchronize"
}
type_stop() { enter "Stop-VRepReplication -VMName '$name' -Passthru"; }
type_resynchronize() { enter "Resume-VRepReplication -VMName '$name' -Resynchronize -Wait"; }
type_events() { # primary|replica
    enter "Get-VRepReplicationEvent -VMName '$name' -Oldest -Instance $1 | ForEach-Object { \"{0:s} {1} {2}\" -f \$_.TimeCreated, \$_.Id, (\$_.Message -replace ' \\([^()]*irtual machine ID.*') }"
}
