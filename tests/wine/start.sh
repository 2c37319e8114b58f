#!/usr/bin/env bash
# Brings up Wine for the tests (CTest fixture): the prefix is made once, the server stays up until stop.sh.
# Every first process gets /dev/null: services.exe keeps the stderr of the first one, and a pipe there would make
# its reader wait for ever.
set -euo pipefail
exec </dev/null >/dev/null

: "${WINEPREFIX:?}"
mkdir -p "$WINEPREFIX"
wineserver -p 2>/dev/null || [ $? -eq 2 ] # 2: one is running already
if [ ! -e "$WINEPREFIX/.complete" ]; then
    wineboot -i 2>/dev/null
    touch "$WINEPREFIX/.complete"
fi
wine cmd /c exit 2>/dev/null
