"""The operator kills itself at a chosen call, once."""

import os
from pathlib import Path

import pytest

from paretonas.controller.failpoints import Failpoint


class Port:
    uid = "1"

    def save(self, value: int) -> int:
        return value

    def read(self) -> int:
        return 0


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes of the processes that have ended."""
    ends: list[int] = []
    monkeypatch.setattr(os, "_exit", ends.append)
    return ends


@pytest.mark.parametrize(("text", "calls"), [("before save 1", 1), ("after save 2", 2)])
def test_it_is_killed_at_the_call_that_was_named(text: str, calls: int, killed: list[int], tmp_path: Path) -> None:
    port = Failpoint(text, tmp_path).on(Port())
    for number in range(1, calls + 1):
        assert not killed, f"before call {number}"
        assert (port.save(number), port.read(), port.uid) == (number, 0, "1")
    assert killed == [137]


def test_the_next_process_of_the_pod_lives(killed: list[int], tmp_path: Path) -> None:
    for _ in range(2):
        Failpoint("after save 1", tmp_path).on(Port()).save(1)
    assert len(killed) == 1


def test_without_one_a_port_is_left_as_it_is() -> None:
    port = Port()
    assert Failpoint.read({}).on(port) is port
    assert Failpoint("after other 1").on(port) is port


@pytest.mark.parametrize("text", ["save", "after save", "after save 0", "during save 1"])
def test_one_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="PARETONAS_FAILPOINT"):
        Failpoint.read({"PARETONAS_FAILPOINT": text})
