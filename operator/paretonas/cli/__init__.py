"""The command line: `paretonas`, and later the same tables as `kubectl nas`."""
