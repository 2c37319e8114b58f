#!/usr/bin/env bash
# vrep-test: timeout=60 presets=native,win64
# The product's files: the client library exports its ABI and nothing else, and no Windows file needs a DLL that
# Windows does not have.
set -euo pipefail

broken=0
complain() {
    echo "$*"
    broken=1
}

abi=$(sed -nE 's/^[ \t]+([A-Za-z0-9_]+).*/\1/p' "$VREP_SOURCE_DIR/ps/client/vrep.def" | sort)
if [ "$VREP_EXE" = .exe ]; then
    library=$VREP_BIN/vrep.dll
    exports=$(x86_64-w64-mingw32-objdump -p "$library" |
        awk '/^\[Ordinal\/Name Pointer\]/ { on = 1; next } on && /^\t\[/ { print $NF } /^$/ { on = 0 }' | sort)
    # Wine knows Windows' DLLs by name, and has them where it keeps its own.
    windows=$(dirname "$(find /usr/lib -path '*x86_64-windows/kernel32.dll' -print -quit)")
    for file in "$VREP_BIN"/*.exe "$VREP_BIN"/*.dll; do
        while read -r dll; do
            [ -e "$windows/${dll,,}" ] || [ -e "$VREP_BIN/$dll" ] || complain "$file needs $dll"
        done < <(x86_64-w64-mingw32-objdump -p "$file" | awk '/DLL Name:/ { print $3 }')
    done
else
    library=$VREP_BIN/libvrep.so
    # Each with the version of the .def file, which is a symbol itself.
    version=VREP_$(sed -nE 's/^VERSION ([0-9]+).*/\1/p' "$VREP_SOURCE_DIR/ps/client/vrep.def")
    exports=$(nm -D --defined-only "$library" | awk -v version="$version" '$3 != version { print $3 }' | sort)
    abi=$(sed "s/$/@@$version/" <<<"$abi")
fi
[ "$exports" = "$abi" ] || complain "$library does not export what vrep.def lists:" \
    "$(diff <(echo "$abi") <(echo "$exports") || true)"
exit "$broken"
