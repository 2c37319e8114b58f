#!/usr/bin/env bash
# vrep-test: timeout=60 presets=native
# docs/events.md is what vrepmc makes of etw/VRep.man.
set -euo pipefail
made="$VREP_BIN/../etw/include/events/VRep.md"
if ! diff -u "$VREP_SOURCE_DIR/docs/events.md" "$made"; then
    echo "docs/events.md is not in step with etw/VRep.man: cp build/native/etw/include/events/VRep.md docs/events.md"
    exit 1
fi
