"""How many epochs early stopping saves, and what it costs: `python -m benchmarks.stopping`."""
