"""Programs of others that the benchmarks run beside ours. None is needed for anything else."""
