#!/usr/bin/env bash
# Ends the Wine of the tests, whatever still runs in it (CTest fixture, the other half of start.sh).
set -euo pipefail
: "${WINEPREFIX:?}"
wineserver -k </dev/null >/dev/null 2>&1 || true # nothing ran
