"""The error of this package."""


class ExchangeError(Exception):
    """A study or a table cannot be read or written; the message says why and what to do."""
