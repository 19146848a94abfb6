"""Unpacking what a trial has kept: its author may have put anything there, and the connection may break."""

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDERR_CHANNEL, STDOUT_CHANNEL

from paretonas.backends.cluster.claim_reader import Archive
from paretonas.backends.cluster.errors import ClusterError
from paretonas.backends.local.store import StoreError
from paretonas.cli.fetch import Copied, check_free, unpack

SUCCESS = json.dumps({"status": "Success"}).encode()
FAILURE = json.dumps({"status": "Failure", "message": "command terminated with exit code 2"}).encode()

Fill = Callable[[tarfile.TarFile], None]


def folder(name: str = "output") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o755
    return info


def file(tar: tarfile.TarFile, name: str, content: bytes = b"weights", mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def packed(fill: Fill, top: tarfile.TarInfo | None = None) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(top or folder())
        fill(tar)
    return archive.getvalue()


def sent(content: bytes, *, said: bytes = b"", status: bytes = SUCCESS, piece: int = 700) -> Archive:
    """An archive in pieces that end anywhere, as a websocket brings them."""

    def frames() -> Iterator[tuple[int, bytes]]:
        for start in range(0, len(content), piece):
            yield STDOUT_CHANNEL, content[start : start + piece]
            yield STDERR_CHANNEL, b""
        if said:
            yield STDERR_CHANNEL, said
        if status:
            yield ERROR_CHANNEL, status

    return Archive(frames())


def fails(line: str) -> None:
    pytest.fail(f"left out: {line}")


def some_files(tar: tarfile.TarFile) -> None:
    file(tar, "output/model.pt", os.urandom(50_000))
    tar.addfile(folder("output/deep"))
    file(tar, "output/deep/notes.txt", b"notes")
    tar.addfile(special("output/latest", tarfile.SYMTYPE, "deep/notes.txt"))
    tar.addfile(special("output/same", tarfile.LNKTYPE, "output/model.pt"))


@pytest.mark.parametrize("piece", [1, 511, 10_240, 1 << 20])
def test_files_folders_and_links_within_are_unpacked(piece: int, tmp_path: Path) -> None:
    copied = unpack(sent(packed(some_files), piece=piece), tmp_path / "copy", fails)
    assert copied == Copied(files=2, size=50_005)
    assert (tmp_path / "copy/model.pt").stat().st_size == 50_000
    assert (tmp_path / "copy/latest").read_text() == "notes"
    assert (tmp_path / "copy/same").read_bytes() == (tmp_path / "copy/model.pt").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_nothing_is_written_outside_and_what_is_left_out_is_named(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()

    def hostile(tar: tarfile.TarFile) -> None:
        file(tar, "output/good", b"good")
        file(tar, "output/../escaped")
        file(tar, "output//etc/absolute", b"text")
        tar.addfile(special("output/link", tarfile.SYMTYPE, str(outside)))
        file(tar, "output/link/through", b"through")
        tar.addfile(special("output/up", tarfile.SYMTYPE, "../../outside"))
        tar.addfile(special("output/hard", tarfile.LNKTYPE, "output/../../outside/x"))
        tar.addfile(special("output/pipe", tarfile.FIFOTYPE))
        tar.addfile(special("output/device", tarfile.CHRTYPE))
        file(tar, "/etc/passwd", b"root")

    told: list[str] = []
    unpack(sent(packed(hostile)), tmp_path / "copy", told.append)
    assert list(outside.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "copy"}
    copy = tmp_path / "copy"
    assert (copy / "good").read_text() == "good"
    assert not [path for path in copy.rglob("*") if path.is_symlink()]
    text = "\n".join(told)
    for name in ("escaped", "link", "up", "hard", "pipe", "device"):
        assert name in text, text


def test_rights_and_owners_are_not_taken_over(tmp_path: Path) -> None:
    unpack(sent(packed(lambda tar: file(tar, "output/tool", mode=0o6777))), tmp_path / "copy", fails)
    status = (tmp_path / "copy/tool").stat()
    assert status.st_mode & 0o7000 == 0
    assert status.st_mode & 0o022 == 0
    assert status.st_uid == os.geteuid()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.REGTYPE])
def test_an_output_that_is_no_folder_is_refused(kind: bytes, tmp_path: Path) -> None:
    content = packed(lambda _: None, special("output", kind, "../nas-8/output"))
    with pytest.raises(ClusterError, match="output is no folder but a link or a file, which is not followed"):
        unpack(sent(content), tmp_path / "copy", fails)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98, 1.0])
def test_a_connection_that_breaks_leaves_nothing(share: float, tmp_path: Path) -> None:
    content = packed(some_files)
    cut = content[: int(len(content) * share)]
    with pytest.raises(ClusterError, match="the connection to the pod was lost; try again"):
        unpack(sent(cut, status=b""), tmp_path / "copy", fails)
    assert not list(tmp_path.iterdir())


def test_what_tar_says_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    said = b"tar: output/model.pt: file changed as we read it\n"
    with pytest.raises(ClusterError, match=r"^tar: output/model\.pt: file changed as we read it$"):
        unpack(sent(packed(some_files), said=said, status=FAILURE), tmp_path / "copy", fails)
    with pytest.raises(ClusterError, match=r"^command terminated with exit code 2$"):
        unpack(sent(b"", status=FAILURE), tmp_path / "copy", fails)
    assert not list(tmp_path.iterdir())


def test_something_else_than_an_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="what arrived is no archive"):
        unpack(sent(b"<html>" * 500), tmp_path / "copy", fails)
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    def frames() -> Iterator[tuple[int, bytes]]:
        yield STDOUT_CHANNEL, packed(some_files)[:20_000]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(Archive(frames()), tmp_path / "copy", fails)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder", "file", "link"):
        with pytest.raises(StoreError, match=f"{name} exists; give another folder to copy to, or remove it"):
            check_free(tmp_path / name)
    with pytest.raises(StoreError, match="none does not exist; create it"):
        check_free(tmp_path / "none" / "copy")
    check_free(tmp_path / "copy")


def test_a_folder_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    class Late(Archive):
        def finish(self) -> None:
            (tmp_path / "copy").mkdir()
            super().finish()

    archive = Late(iter([(STDOUT_CHANNEL, packed(some_files)), (ERROR_CHANNEL, SUCCESS)]))
    with pytest.raises(StoreError, match="exists"):
        unpack(archive, tmp_path / "copy", fails)
    assert list((tmp_path / "copy").iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    size, held = 60 << 20, 0

    def frames() -> Iterator[tuple[int, bytes]]:
        head = folder().tobuf()
        info = tarfile.TarInfo("output/large")
        info.size = size
        yield STDOUT_CHANNEL, head + info.tobuf()
        for _ in range(size >> 15):
            yield STDOUT_CHANNEL, bytes(1 << 15)
        yield STDOUT_CHANNEL, bytes(2 * 512)
        yield ERROR_CHANNEL, SUCCESS

    archive = Archive(frames())
    read = archive.read

    def watched(count: int = -1) -> bytes:
        nonlocal held
        held = max(held, count)
        return read(count)

    archive.read = watched  # type: ignore[method-assign] # to see how much is asked for
    unpack(archive, tmp_path / "copy", fails)
    assert (tmp_path / "copy/large").stat().st_size == size
    assert 0 < held <= 1 << 20
