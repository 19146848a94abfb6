"""Files that `paretonas init` copies. `examples` is a link to the repository's folder; a wheel has its files."""
