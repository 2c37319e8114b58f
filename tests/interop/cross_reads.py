#!/usr/bin/env python3
# vrep-test: timeout=900 labels=interop presets=native
"""QEMU, 7-Zip and libvhdi read what we read after 10,000 random operations on each kind of disk. VREP_TEST_SEED=N for others."""

import _random_runs as runs

runs.run_all([runs.seed()], operations=10000, show=2500)
