"""Where trials are stored and logs are found: the ports of the engine, one package a place."""
