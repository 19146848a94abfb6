"""Where an experiment was last run from, so that a retry, which only gets a name, finds its files."""

import json
from dataclasses import dataclass
from pathlib import Path

from paretonas.backends.local import files

FILE = "origin.json"


@dataclass(frozen=True, slots=True)
class LastRun:
    """The arguments of the last ``paretonas run``."""

    file: Path
    folder: Path
    """The folder in which it was started."""


def write_last_run(experiment: Path, origin: LastRun) -> None:
    """Write it to the experiment's folder. Raises OSError."""
    text = json.dumps({"file": str(origin.file), "folder": str(origin.folder)})
    files.write(experiment / FILE, text)


def read_last_run(experiment: Path) -> LastRun | None:
    """Read it from the experiment's folder; None if it is absent or cannot be read."""
    try:
        noted = json.loads((experiment / FILE).read_text(encoding="utf-8"))
        return LastRun(Path(noted["file"]), Path(noted["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
