"""Where an experiment was last run from: a retry is told a name only, and its paths lead from there."""

import json
from dataclasses import dataclass
from pathlib import Path

from paretonas.backends.local import files

FILE = "origin.json"


@dataclass(frozen=True, slots=True)
class LastRun:
    """What ``paretonas run`` was given."""

    file: Path
    folder: Path
    """The one that it was started in."""


def write(experiment: Path, origin: LastRun) -> None:
    """Note it in the experiment's folder. Raises OSError."""
    text = json.dumps({"file": str(origin.file), "folder": str(origin.folder)})
    files.write(experiment / FILE, text)


def read(experiment: Path) -> LastRun | None:
    """What was noted there; None when nothing was, or it cannot be read."""
    try:
        noted = json.loads((experiment / FILE).read_text(encoding="utf-8"))
        return LastRun(Path(noted["file"]), Path(noted["folder"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
