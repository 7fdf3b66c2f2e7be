"""Benchmarks: what Tonnage costs and how quick it is, as ratios taken side by side in one run."""
