"""A log folder whose parts are exchanged for links while it is read."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from tests.local.quick_trial import write_scalars

from paretonas.metrics import LogFolder, Wanted, read
from paretonas.metrics.log_folder import LinkError

EXCHANGE = """
import ctypes, sys
one, other, exchange = sys.argv[1].encode(), sys.argv[2].encode(), ctypes.CDLL(None, use_errno=True).renameat2
while True:
    exchange(-100, one, -100, other, 2)  # AT_FDCWD, RENAME_EXCHANGE
"""
ACCURACY = [Wanted("acc", "acc")]
OWN, FOREIGN = 0.25, 0.75
ENOUGH, MOST = (
    30,
    200_000,
)  # how often each side of the race is to be met, and after how many reads it is given up


@contextmanager
def exchanging(one: Path, other: Path) -> Iterator[None]:
    """Two names that another process exchanges as fast as it can."""
    if ctypes.CDLL(None, use_errno=True).renameat2(-100, bytes(one), -100, bytes(other), 2):
        pytest.skip(f"this file system cannot exchange names: {os.strerror(ctypes.get_errno())}")
    trial = subprocess.Popen([sys.executable, "-c", EXCHANGE, str(one), str(other)])
    try:
        yield
    finally:
        trial.kill()
        trial.wait()


def claims(root: Path) -> tuple[Path, Path]:
    """Two tenants' claims, with an attempt in each."""
    for claim, value in (("own", OWN), ("foreign", FOREIGN)):
        folder = root / claim / "nas" / "nas-0" / "a1" / "version_0"
        folder.mkdir(parents=True)
        write_scalars(folder, {"acc": value})
    return root / "own", root / "foreign"


@pytest.mark.parametrize("part", ["nas", "nas/nas-0", "nas/nas-0/a1", "nas/nas-0/a1/version_0"])
def test_a_folder_that_is_exchanged_for_a_link_all_the_time_never_gives_another_tenants_value(
    part: str, tmp_path: Path
) -> None:
    own, foreign = claims(tmp_path)
    (own / "link").symlink_to(foreign / part)
    folder = LogFolder(own, ("nas", "nas-0", "a1"))
    met = {"own": 0, "link": 0}
    with exchanging(own / part, own / "link"):
        for _ in range(MOST):
            found = read(folder, ACCURACY).values
            assert found in ({}, {"acc": OWN}), "another tenant's value was read"
            met["own" if found else "link"] += 1
            if min(met.values()) >= ENOUGH:
                break
    assert min(met.values()) >= ENOUGH, f"there was no race: {met}"


def test_what_trusts_the_path_does_read_it(tmp_path: Path) -> None:
    """The test above can fail: this is what it guards against."""
    own, foreign = claims(tmp_path)
    (own / "link").symlink_to(foreign / "nas")
    with exchanging(own / "nas", own / "link"):
        values = (read(own / "nas" / "nas-0" / "a1", ACCURACY).values.get("acc") for _ in range(MOST))
        assert FOREIGN in values


def test_a_folder_behind_a_mount_that_is_a_link_is_read(tmp_path: Path) -> None:
    own, _ = claims(tmp_path)
    (tmp_path / "mount").symlink_to(own)
    assert read(LogFolder(tmp_path / "mount", ("nas", "nas-0", "a1")), ACCURACY).values == {"acc": OWN}


@pytest.mark.parametrize("part", ["nas", "nas/nas-0", "nas/nas-0/a1"])
def test_a_link_on_the_way_is_named(part: str, tmp_path: Path) -> None:
    own, foreign = claims(tmp_path)
    (own / part).rename(own / "away")
    (own / part).symlink_to(foreign / part)
    [problem] = read(LogFolder(own, ("nas", "nas-0", "a1")), ACCURACY).problems
    assert f"'{own / part}' cannot be entered: it is a symbolic link, which is not followed" in problem


@pytest.mark.parametrize("part", ["nas", "nas/nas-0/a1"])
def test_a_file_or_a_pipe_on_the_way_is_a_reason(part: str, tmp_path: Path) -> None:
    for kind, make in (("file", Path.touch), ("pipe", os.mkfifo)):
        own, _ = claims(tmp_path / kind)
        (own / part).rename(own / "away")
        make(own / part)
        [problem] = read(LogFolder(own, ("nas", "nas-0", "a1")), ACCURACY).problems
        assert "the log folder cannot be read: Not a directory" in problem


def test_descriptors_are_closed_whatever_happens(tmp_path: Path) -> None:
    own, _ = claims(tmp_path)
    (own / "nas" / "nas-0" / "a1" / "link").symlink_to(own)
    (own / "nas" / "nas-0" / "a1" / "version_0" / "events.out.tfevents.1").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for parts in (("nas", "nas-0", "a1"), ("nas", "nas-0", "a2"), ("nas", "nas-0", "a1", "link"), ()):
        read(LogFolder(own, parts), ACCURACY)
        with suppress(LinkError):
            LogFolder(own, parts).has("version_0")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
