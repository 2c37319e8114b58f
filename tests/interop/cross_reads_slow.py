#!/usr/bin/env python3
# vrep-test: timeout=3600 labels=interop,slow presets=native
"""cross_reads.py with more seeds, and more looks."""

import _random_runs as runs

runs.run_all(range(runs.seed() + 1, runs.seed() + 7), operations=10000, show=500)
