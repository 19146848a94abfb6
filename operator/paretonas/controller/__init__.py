"""The operator behind kopf's handlers: what has changed is brought forward, one pass at a time an experiment."""
