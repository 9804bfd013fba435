"""Benchmarks: what a pass costs, beside a floor written in plain SQL that runs in the same process."""
