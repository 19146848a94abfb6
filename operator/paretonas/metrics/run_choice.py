"""Choosing the folder that counts if several contain a tag. As in TensorBoard, a folder of event files is a *run*.

A later run of the same kind replaces an earlier one: Lightning numbers them (version_0, version_1), other programs put
the time into the name. Folders that differ in any other way (train and validation, fold_0 and fold_1) are different
kinds, and only the author of the trial knows which of them is meant.
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
    """Choose the folders that a metric may refer to: more than one if it is ambiguous.

    Args:
        folders: their paths below the log folder, in the order in which they were written to.
        run: the requested folder, or the last parts of its path; None for any.
    """
    if run is not None:
        folders = [folder for folder in folders if folder == run] or [
            folder for folder in folders if folder.endswith(f"/{run}")
        ]
    return list({_series(folder): folder for folder in folders}.values())


def name_run(folder: str, folders: Sequence[str]) -> str:
    """The shortest value of a metric's `run` for a folder: the fewest last parts of its path that identify it.

    Parts with a time or a version are left out if possible, since they differ in the next trial.
    """
    ends = list(accumulate(reversed(folder.split("/")), lambda end, part: f"{part}/{end}"))
    lasting = [end for end in ends if _series(end) == end and choose_runs(folders, end) == [folder]]
    return lasting[0] if lasting else folder


def example(folders: Sequence[str]) -> str:
    """A possible value of a metric's `run` for one of several folders, preferably one that suits the next trial too."""
    names = [name_run(folder, folders) for folder in folders]
    return next((name for name in names if _series(name) == name), names[0])


def _series(folder: str) -> str:
    """The part of a folder's name that all runs of the same kind share."""
    return "/".join(_VERSION.sub("version_#", _TIME.sub("#", part)) for part in folder.split("/"))
