# What the demo's administrators type, in vrepctl. Sourced by scripts/demo; demo_cmdlets.sh has the same in PowerShell.
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

tongue_targets=()
tongue_up() { :; }
tongue_down() { :; }

type_enable_replica() { show replica enable "$name" --as-replica --disk "$(disk_name "$disk_replica")"; }
type_enable_primary() {
    show primary enable "$name" --disk "$(disk_name "$disk_primary")" --replica "127.0.0.1:$port_replica"
}
type_status() { show primary status "$name"; }
type_limit() { # MIB a second, 0: none
    if [ "$1" -eq 0 ]; then
        show primary set "$name" --bandwidth-limit none
    else
        show primary set "$name" --bandwidth-limit "$1M"
    fi
}
type_start() { show primary resume "$name" --resynchronize --no-wait; }
type_stop() { show primary stop "$name"; }
type_resynchronize() { show_live primary resume "$name" --resynchronize; }
type_events() { # primary|replica
    print_command "$1" events
    "$1" events 2>&1 | tidy_output | sed 's| ([^()]*irtual machine ID.*||'
}
