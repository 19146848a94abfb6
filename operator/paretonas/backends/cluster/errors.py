"""Errors of a cluster. Imports nothing, so that catching them costs no time."""


class ClusterError(Exception):
    """The request cannot be served; the message says why and what to do."""


class UnreachableError(ClusterError):
    """The API server does not answer; a retry may succeed."""
