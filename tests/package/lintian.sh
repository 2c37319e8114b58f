#!/usr/bin/env bash
# vrep-test: timeout=120 presets=native
# Debian's own judge has neither errors nor warnings; what the package overrides says why, and is needed.
set -euo pipefail
command -v lintian >/dev/null || { echo "skipped: lintian is not installed"; exit 77; }
found=$(lintian --allow-root --display-info "$(dirname "$VREP_BIN")"/packages/vrep_*.deb 2>&1 || true)
if grep -E '^[EW]:|unused-override|mismatched-override|malformed-override' <<<"$found"; then
    exit 1
fi
echo "$found"
