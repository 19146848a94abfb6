"""The operator behind kopf's handlers: it makes passes over experiments that changed, one at a time for each."""
