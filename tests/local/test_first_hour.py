"""docs/first-hour.md, typed line by line in an empty folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "first-hour.md"

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
TIME = re.compile(r"(?:# h )?(?:# min )?# s|# h # min")


@dataclass(frozen=True)
class Typed:
    """A command of the page, and what it prints there."""

    command: str
    shown: tuple[str, ...]


def typed(page: str) -> Iterator[Typed]:
    """The commands, in their order; a second line that begins with ``$`` belongs to what the first one prints."""
    for block in re.findall(r"^```console\n\$ (.*?)^```$", page, re.MULTILINE | re.DOTALL):
        command, *shown = block.splitlines()
        yield Typed(command, tuple(shown))


def alike(line: str) -> str:
    """A line without what differs from run to run: numbers, times, and the width of columns."""
    return TIME.sub("# s", NUMBER.sub("#", " ".join(line.split())))


def check_shown(expected: tuple[str, ...], output: str) -> None:
    """Check that the lines of the page are printed in this order; ``…`` stands for others, or for an end of a line."""
    lines = iter(map(alike, output.splitlines()))
    for line in expected:
        if line == "…":
            continue
        begin, more, _ = alike(line).partition("…")
        complete = not more or line.endswith(" …")
        assert any(found == alike(line) if complete else found.startswith(begin) for found in lines), (
            f"{line!r} is not printed, at least not there:\n{output}"
        )


@pytest.mark.timeout(900)  # eight trials that import torch, two at a time, on a machine that does other things too
def test_the_first_hour_is_as_it_is_told(tmp_path: Path) -> None:
    page = PAGE.read_text()
    [script] = re.findall(r"`predict\.py`:\n\n```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "predict.py").write_text(script)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "COLUMNS": "100"}
    commands = list(typed(page))
    assert [step.command.split()[1] for step in commands] == ["init", "validate", "run", "run", "pareto", "pareto"], (
        "installing is not tried here, but in test_installed.py"
    )
    for step in commands:
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{step.command}: {done.stdout}{done.stderr}"
        check_shown(step.shown, done.stdout)
    models = sorted(path.parts[-3] for path in tmp_path.glob("runs/spirals/*/output/model.pt"))
    assert models == [f"spirals-{i}" for i in range(8)]


def test_a_line_that_is_not_printed_is_noticed() -> None:
    check_shown(("a 1.5 b", "…", "it took 3.2 s …"), "x\na 20 b\ny\nit took 1 min 02 s …\n")
    for expected in (("a 1", "b"), ("b", "a 1"), ("a b",)):
        with pytest.raises(AssertionError, match="is not printed"):
            check_shown(expected, "a 1\nc\n")
