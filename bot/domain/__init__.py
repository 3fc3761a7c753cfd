"""The words of the product: ids, time, units, instruments, events, commands. Knows nothing else."""
