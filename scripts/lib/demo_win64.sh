# The demo's two services as Windows services under Wine's Service Control Manager, two instances in one prefix.
# Sourced by scripts/demo, which sets bin, work and the ports; the same functions as demo_native.sh.
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

wine_environment "$top/build/demo/wineprefix"

windows() { wine "$@" </dev/null; }
vrepctl() { windows "$bin/vrepctl.exe" "$@"; }
disk_name() { printf 'Z:%s\n' "${1//\//\\}"; }

sc() { windows sc "$@"; }
vrepsvc() { windows "$bin/vrepsvc.exe" "$@"; }

service_up() { # INSTANCE PORT
    show vrepsvc install --instance "$1" --data "$(disk_name "$work/data-$1")" --listen "127.0.0.1:$2" --start demand
    print_command sc start "VRep\$$1"
    sc start "VRep\$$1" >/dev/null || true # whether it serves is seen below
}

demo_instances=()

services_up() {
    local instance
    say "The Windows build, as two instances of the service VRep in one Wine prefix (made on the first run)."
    wine_up
    demo_instances=(primary replica)
    service_up primary "$port_primary"
    service_up replica "$port_replica"
    for instance in "${demo_instances[@]}"; do
        wait_for_service "$instance" || setup_fail "The $instance does not serve; try: wine sc query"
    done
}

services_down() {
    local instance
    [ ${#demo_instances[@]} -gt 0 ] || return 0
    for instance in "${demo_instances[@]}"; do
        vrepsvc uninstall --instance "$instance" >/dev/null || true # stops it first
    done
    wine_down
    demo_instances=()
}
