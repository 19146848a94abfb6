"""What tests of several parts need."""

import sys
from collections.abc import Iterator

import pytest
from tests.unit.api_server import ApiServer


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server of a few lines, over HTTP."""
    server = ApiServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def own_recursion_limit() -> Iterator[None]:
    """A test leaves the recursion limit as it was: a command on a cluster raises it for its whole process."""
    limit = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(limit)
