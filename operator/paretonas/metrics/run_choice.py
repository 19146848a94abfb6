"""Which folder of a log counts when several hold one tag. A folder of event files is a *run*, as for TensorBoard.

A later run of the same thing takes the place of an earlier one: Lightning counts them (version_0, version_1), others
put the time into the name. Folders that differ in anything else (train and validation, fold_0 and fold_1) are different
things, and only whoever wrote the trial knows which of them is meant.
"""

import re
from collections.abc import Sequence
from itertools import accumulate

HERE = "."
"""The log folder itself, as a run."""

_DATE = r"(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])"
_HOUR = r"(?:[01]\d|2[0-3])[-_:.h]?[0-5]\d(?:[-_:.m]?[0-5]\ds?(?:[.,]\d+)?)?"
_TIME = re.compile(
    rf"(?<!\d){_DATE}(?:[-_T ]*{_HOUR})?Z?(?!\d)"  # 20260131-094500, 2026-01-31T09:45:00
    r"|(?<![A-Za-z])[A-Z][a-z]{2}[0-3]\d_[0-2]\d-[0-5]\d-[0-5]\d"  # Jan31_09-45-00: torch, tensorboardX, Hugging Face
    r"|^[0-2]\d[-:.][0-5]\d[-:.][0-5]\d$"  # 09-45-00, below a date: Hydra
    r"|^1\d{9}(?:\.\d+)?$|^1\d{12}$"  # seconds, as add_hparams, or milliseconds since 1970
)
_VERSION = re.compile(r"^version_\d+$")  # Lightning


def choose_runs(folders: Sequence[str], run: str | None = None) -> list[str]:
    """The folders that a metric may mean: more than one if nothing tells which.

    Args:
        folders: by their path below the log folder, in the order in which they were written to.
        run: the folder that is asked for, or the last parts of its path; None: whichever there is.
    """
    if run is not None:
        folders = [folder for folder in folders if folder == run] or [
            folder for folder in folders if folder.endswith(f"/{run}")
        ]
    return list({_series(folder): folder for folder in folders}.values())


def name_run(folder: str, folders: Sequence[str]) -> str:
    """What a metric's `run` may call a folder: the fewest parts of its path that tell it from the others.

    Parts that hold a time or a version are left out if that can be: they are others in the next trial.
    """
    ends = list(accumulate(reversed(folder.split("/")), lambda end, part: f"{part}/{end}"))
    lasting = [end for end in ends if _series(end) == end and choose_runs(folders, end) == [folder]]
    return lasting[0] if lasting else folder


def example(folders: Sequence[str]) -> str:
    """One of several folders as a metric's `run` may call it, preferably in words that the next trial has too."""
    names = [name_run(folder, folders) for folder in folders]
    return next((name for name in names if _series(name) == name), names[0])


def _series(folder: str) -> str:
    """What is the same in the names of one thing's runs."""
    return "/".join(_VERSION.sub("version_#", _TIME.sub("#", part)) for part in folder.split("/"))
