"""A real browser for the tests that need one."""

import os
from collections.abc import Iterator

import pytest
from tests.unit.report.browser import Browser, chromium, find_chromium


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium; without it the tests are skipped, but in CI they fail."""
    program = find_chromium()
    if program is None:
        message = "no Chromium: install it (apt install chromium), or name it in PARETONAS_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with chromium(program, tmp_path_factory.mktemp("chromium")) as started:
        yield started
