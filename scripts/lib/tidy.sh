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

status=0
compiled asan | tidy -p build/asan || status=1
comm -13 <(compiled asan) <(compiled win64) | tidy -p build/win64 \
    --extra-arg-before=--target=x86_64-w64-mingw32 \
    --extra-arg=-isystem --extra-arg=/usr/x86_64-w64-mingw32/include || status=1
exit "$status"
