"""What goes wrong with a cluster, in one line. Imports nothing, so that whoever catches it need not wait."""


class ClusterError(Exception):
    """The cluster cannot be used as asked; the message says why and what to do."""


class UnreachableError(ClusterError):
    """The API server does not answer; it may again in a moment."""
