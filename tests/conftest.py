"""What all tests share."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# without a deadline: a busy machine must not fail a test; derandomised: a failure is the same for everybody
settings.register_profile("paretonas", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("paretonas")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, and a test to which the modes of files apply also where root runs it."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "logs")
        folder.mkdir()
        if os.geteuid() != 0:
            yield folder
        else:
            Path(name).chmod(0o755)
            os.chown(folder, nobody, nobody)
            os.seteuid(nobody)
            try:
                yield folder
            finally:
                os.seteuid(0)
        folder.chmod(0o700)
        for inner in folder.iterdir():
            inner.chmod(0o700)
