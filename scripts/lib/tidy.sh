#!/usr/bin/env bash
# Runs clang-tidy (.clang-tidy says which checks) over all sources: those of Linux as the asan preset compiles
# them, those that only Windows has as the win64 preset does. Both must be configured; any warning fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The C files of a preset's compilation database.
compiled() { # PRESET
    python3 - "build/$1/compile_commands.json" <<'PYTHON'
import json, sys
print("\n".join(sorted({entry["file"] for entry in json.load(open(sys.argv[1])) if entry["file"].endswith(".c")})))
PYTHON
}

tidy() { # CLANG-TIDY ARGUMENT... (files on stdin)
    xargs --no-run-if-empty -n 4 -P "${VREP_JOBS:-$(nproc)}" clang-tidy --quiet "$@" 2> >(
        grep -vE '^[0-9]+ (warning|error)s?( and [0-9]+ errors?)? (generated|treated as)|^Suppressed|^Use -header-filter|^$' >&2)
}

# base/status*.c define the functions that tidy.h wraps; the examples of the client library know nothing of them.
apart='/base/status[^/]*$|/docs/examples/'
knows_failures=(--extra-arg=-include --extra-arg="$PWD/scripts/lib/tidy.h")
windows=(--extra-arg-before=--target=x86_64-w64-mingw32 --extra-arg=-Wno-unknown-warning-option
    --extra-arg=-isystem --extra-arg=/usr/x86_64-w64-mingw32/include
    --extra-arg=-include --extra-arg=winsock2.h) # what base/os_win32.h takes as given

status=0
compiled asan >build/tidy-linux
comm -13 build/tidy-linux <(compiled win64) >build/tidy-windows
for system in linux windows; do
    arguments=(-p build/asan)
    [ "$system" = linux ] || arguments=(-p build/win64 "${windows[@]}")
    grep -E "$apart" "build/tidy-$system" | tidy "${arguments[@]}" || status=1
    grep -vE "$apart" "build/tidy-$system" | tidy "${arguments[@]}" "${knows_failures[@]}" || status=1
done
exit "$status"
