#!/usr/bin/env bash
# vrep-test: timeout=60 presets=native
# The house rules that a machine can check: where Windows may be seen, how long a file may be, and that nothing is
# left for later. Prints each place that breaks one.
set -euo pipefail
cd "$VREP_SOURCE_DIR"

broken=0
complain() { # RULE (places on stdin)
    local place
    while IFS= read -r place; do
        echo "$place   <- $1"
        broken=1
    done
}

folders=(base vhd etw service ps installer tests)
windows_rooms='_win32\.[ch]:|^vhd/virtdisk/|^etw/sink_|^service/host/|^installer/|^tests/wine/|^tests/virtdisk/'

complain "Windows outside its rooms" < <(
    grep -rnE '#[[:space:]]*include[[:space:]]*<(windows|winsock2|ws2tcpip|virtdisk|evntprov)\.h>' \
        --include='*.[ch]' "${folders[@]}" | grep -vE "$windows_rooms" || true)
complain "an #ifdef in logic" < <(
    grep -rnE '\b(_WIN32|__MINGW32__)\b' --include='*.c' "${folders[@]}" |
        grep -vE '_win32\.c:|^vhd/virtdisk/|^etw/sink_|^tests/' || true)
complain "longer than 600 lines" < <(
    find "${folders[@]}" cmake scripts -type f ! -name '*.man' -exec wc -l {} + | awk '$1 > 600 && $2 != "total" { print $2 ": " $1 }')
complain "left for later" < <(
    grep -rnIwE 'TODO|FIXME|XXX|HACK' "${folders[@]}" cmake scripts docs -s | grep -v '^tests/lint/house.sh:' || true)
exit "$broken"
