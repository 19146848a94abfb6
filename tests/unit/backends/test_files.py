"""Files are whole or absent, whatever fails under them."""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from paretonas.backends.local import files


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every write beyond this many bytes of a file fail, half done, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def failing(number: int) -> object:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_written_is_read_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    files.write(path, "old")
    files.write(path, "new: ü")
    assert path.read_text(encoding="utf-8") == "new: ü"
    assert names(tmp_path) == ["trial.json"]


def test_create_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    assert files.create(path, "first")
    assert not files.create(path, "second")
    assert path.read_text() == "first"
    assert names(tmp_path) == ["trial.json"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    path = tmp_path / "trial.json"
    files.write(path, "old")
    with monkeypatch.context() as broken:
        broken.setattr(os, function, failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"):
            files.write(path, "new")
    assert path.read_text() == "old"
    files.write(path, "newer")
    assert path.read_text() == "newer", "a write after the failed one must not trip over what that left"
    assert names(tmp_path) == ["trial.json"]


@pytest.mark.parametrize("function", ["fsync", "link"])
def test_a_creation_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str) -> None:
    path = tmp_path / "trial.json"
    with monkeypatch.context() as broken:
        broken.setattr(os, function, failing(errno.ENOSPC))
        with pytest.raises(OSError, match="No space left"):
            files.create(path, "text")
    assert names(tmp_path) == []
    assert files.create(path, "text")


def test_a_disk_that_is_full_halfway_leaves_the_old_text(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    files.write(path, "old")
    with file_size_limit(100), pytest.raises(OSError, match="File too large"):
        files.write(path, "x" * 1000)
    with file_size_limit(100), pytest.raises(OSError, match="File too large"):
        files.create(tmp_path / "other.json", "x" * 1000)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["trial.json"]


def test_a_file_is_on_disk_before_it_is_in_place_and_its_place_is_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that a crash of the machine asks for: content, rename, folder."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        calls.append("sync folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "sync file")  # noqa: PTH112 # a descriptor, no path
        fsync(descriptor)

    def noted_replace(source: str, target: str) -> None:
        calls.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    files.write(tmp_path / "trial.json", "text")
    assert calls == ["sync file", "replace", "sync folder"]
