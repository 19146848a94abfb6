"""Parsing each version of a resource once."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from paretonas.kube.metadata import Body, uid_of, version_of

T = TypeVar("T")


class ParseOnce(Generic[T]):
    """Remembers the result of parsing a resource until there is another version of it."""

    def __init__(self, parse: Callable[[Body], T]) -> None:
        self._parse = parse
        self._parsed: dict[str, tuple[int, T]] = {}

    def __call__(self, body: Body) -> T:
        """The parsed resource. Raises what the parser raises; nothing is remembered then."""
        uid, version = uid_of(body), version_of(body)
        known = self._parsed.get(uid)
        if known is None or known[0] != version:
            known = self._parsed[uid] = version, self._parse(body)
        return known[1]

    def keep_only(self, bodies: Iterable[Body]) -> None:
        """Forget every resource that is not one of these."""
        for uid in self._parsed.keys() - set(map(uid_of, bodies)):
            self._parsed.pop(uid, None)
