"""What tests of several parts need."""

from collections.abc import Iterator

import pytest
from tests.unit.api_server import ApiServer


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """An API server of a few lines, over HTTP."""
    server = ApiServer()
    yield server
    server.close()
