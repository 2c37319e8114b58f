# The demo's two services as Linux processes. Sourced by scripts/demo, which sets bin, work and the ports:
#
#   services_up, services_down   start both and wait until they serve; end them
#   vrepctl ARGUMENT...          the product's command
#   disk_name PATH               a disk as the services call it
# shellcheck shell=bash disable=SC2154 # what scripts/demo sets

demo_pids=()

vrepctl() { "$bin/vrepctl" "$@"; }
disk_name() { printf '%s\n' "$1"; }

service_up() { # INSTANCE PORT
    say "vrepsvc --console --instance $1 --listen 127.0.0.1:$2"
    "$bin/vrepsvc" --console --instance "$1" --data "$work/data-$1" --listen "127.0.0.1:$2" \
        </dev/null >"$work/$1.log" 2>&1 &
    demo_pids+=($!)
}

services_up() {
    local instance
    say "Here they are processes of this Linux; on Windows they run under the Service Control Manager."
    service_up primary "$port_primary"
    service_up replica "$port_replica"
    for instance in primary replica; do
        wait_for_service "$instance" || { cat "$work/$instance.log" >&2; setup_fail "The $instance does not serve."; }
    done
}

services_down() {
    local pid
    for pid in "${demo_pids[@]}"; do
        kill "$pid" 2>/dev/null || continue
        wait "$pid" || true
    done
    demo_pids=()
}
