#!/usr/bin/env python3
# vrep-test: timeout=900 labels=interop,slow presets=native
"""cross_reads.py with more seeds, and a look after fewer operations. A disk is as full after 3,000 as after 10,000: more seeds
find more than longer runs."""

import _random_runs as runs

runs.run_all(range(runs.seed() + 1, runs.seed() + 7), operations=3000, show=750)
