"""The command lines: `paretonas` on this machine, and `kubectl nas` on a cluster."""
