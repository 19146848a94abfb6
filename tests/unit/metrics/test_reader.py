import os
import struct
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretonas.metrics import LogReader, Wanted, read

ACC = [Wanted("acc", "acc")]
NAME = "events.out.tfevents.1700000000.host"


def huge_record(logs, size: int) -> bytes:
    """The header, with a right checksum, of a record whose data take `size` bytes."""
    length = struct.pack("<Q", size)
    return length + logs.frame(length)[-4:]


def problem(folder: Path) -> str:
    [sentence] = read(folder, ACC).problems
    return sentence


# What there is to read


def test_a_log_is_read(logs, write, tmp_path):
    write([logs.FIRST, logs.plain(1, acc=0.5, loss=2), logs.plain(2, acc=0.75)])
    assert read(tmp_path, [*ACC, Wanted("loss", "loss")]).values == {"acc": 0.75, "loss": 2.0}


def test_curves_ascend_by_step_and_keep_what_is_not_finite(logs, write, tmp_path):
    write([logs.plain(3, acc=0.5), logs.plain(1, acc=float("inf")), logs.plain(2, loss=1)])
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": ((1, float("inf")), (3, 0.5)), "loss": ((2, 1.0),)}


def test_files_count_in_the_order_of_their_creation(logs, write, tmp_path):
    # Not the order of letters: the second of creation, then the number of the writer.
    write([logs.plain(1, acc=0.25)], "events.out.tfevents.1700000000.host.7.2")
    write([logs.plain(1, acc=0.5)], "events.out.tfevents.1700000000.host.7.10")
    write([logs.plain(1, acc=0.75)], "events.out.tfevents.1700000001.host.7.0")
    write([logs.plain(1, acc=0.125)], "events.out.tfevents.999999999.host.7.0")
    assert read(tmp_path, ACC).values == {"acc": 0.75}
    (tmp_path / "events.out.tfevents.1700000001.host.7.0").unlink()
    assert read(tmp_path, ACC).values == {"acc": 0.5}


def test_at_equal_steps_the_later_record_of_a_file_counts_whatever_their_layouts(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25), logs.tensor(1, acc=0.5), logs.plain(1, acc=0.75, loss=1)])
    assert read(tmp_path, ACC).values == {"acc": 0.75}


def test_runs_whose_files_do_not_tell_count_as_they_are_numbered(logs, write, tmp_path):
    for number in (8, 9, 10):  # as tensorboardX names them, within one second
        write([logs.plain(1, acc=number)], f"version_{number}/{NAME}")
    assert read(tmp_path, ACC).values == {"acc": 10.0}


def test_files_of_one_folder_continue_each_others_curves(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25), logs.plain(2, acc=0.5)], "events.out.tfevents.1700000000.host")
    write([logs.plain(2, acc=0.625), logs.plain(3, acc=0.75)], "events.out.tfevents.1700000100.host")
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": ((1, 0.25), (2, 0.625), (3, 0.75))}


@pytest.mark.parametrize("reduce", ["Last", "Max"])
def test_a_restart_in_the_middle_of_a_file_drops_what_stands_before_it(reduce, logs, write, tmp_path):
    write(
        [
            logs.plain(1, acc=3),
            logs.plain(4, acc=9),
            logs.plain(6, acc=7),
            logs.start(4),
            logs.plain(5, acc=2),
        ]
    )
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": ((1, 3.0), (5, 2.0))}
    assert read(tmp_path, [Wanted("acc", "acc", reduce)]).values == {"acc": {"Last": 2.0, "Max": 3.0}[reduce]}


def test_restarts_at_the_ends_of_what_a_step_can_be(logs, write, tmp_path):
    most = 2**63 - 1
    write(
        [
            logs.plain(most, acc=1),
            logs.start(most),
            logs.plain(most, acc=2),
            logs.plain(-5, acc=3),
            logs.start(-4),
        ]
    )
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": ((-5, 3.0),)}


def test_a_restart_in_a_file_without_the_tag_drops_its_values_in_that_folder_alone(logs, write, tmp_path):
    write([logs.plain(step, acc=step, loss=-step) for step in range(6)], "a/events.out.tfevents.1700000000.host")
    write([logs.plain(step, size=step) for step in range(6)], "b/events.out.tfevents.1700000000.host")
    write([logs.start(3), logs.plain(3, loss=1)], "a/events.out.tfevents.1700000100.host")
    wanted = [Wanted(tag, tag) for tag in ("acc", "loss", "size")]
    assert read(tmp_path, wanted).values == {"acc": 2.0, "loss": 1.0, "size": 5.0}


def test_folders_that_hold_the_same_tag_are_curves_of_their_own(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25, loss=1)], "train/events.out.tfevents.1700000000.host")
    write([logs.plain(1, acc=0.5)], "validation/events.out.tfevents.1700000001.host")
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {
        "acc (train)": ((1, 0.25),),
        "acc (validation)": ((1, 0.5),),
        "loss": ((1, 1.0),),
    }


def test_a_folder_whose_place_a_later_run_has_taken_is_noted(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25)], "version_0/events.out.tfevents.1700000000.host")
    write([logs.plain(1, acc=0.5, loss=1)], "version_1/events.out.tfevents.1700000001.host")
    found = read(tmp_path, [*ACC, Wanted("loss", "loss")])
    assert found.values == {"acc": 0.5, "loss": 1.0}
    assert found.notes == ("tag 'acc' is in earlier runs too, which do not count: 'version_0'",)


def test_other_files_are_not_read(logs, write, tmp_path):
    write([logs.plain(1, acc=0.5)], "checkpoint.bin")
    assert "no TensorBoard event file" in problem(tmp_path)


# What there may not be


def test_a_missing_folder_says_so(tmp_path):
    sentence = problem(tmp_path / "nowhere")
    assert sentence == (
        f"metric 'acc': there is no TensorBoard event file in '{tmp_path}/nowhere' "
        "(the log folder cannot be read: No such file or directory)"
    )


def test_an_empty_folder_says_so(tmp_path):
    assert problem(tmp_path) == f"metric 'acc': there is no TensorBoard event file in '{tmp_path}'"


def test_a_log_without_scalars_says_so(logs, write, tmp_path):
    write([logs.FIRST])
    assert problem(tmp_path) == f"metric 'acc': there is no scalar in '{tmp_path}'"


def test_a_file_that_cannot_be_read_is_named_with_the_reason(logs, write, tmp_path, monkeypatch):
    write([logs.plain(1, acc=0.5)])

    really_open = os.open

    def refuse(path, *args, **kwargs):
        if path == NAME:
            raise PermissionError(13, "Permission denied")
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)  # file modes do not stop a test that runs as root
    found = read(tmp_path, ACC)
    assert found.notes == (f"'{NAME}' cannot be read: Permission denied",)
    assert found.problems[0].endswith(f"('{NAME}' cannot be read: Permission denied)")


def test_a_file_that_cannot_be_read_for_a_while_keeps_what_it_gave(logs, write, tmp_path, monkeypatch):
    write([logs.plain(1, acc=0.5)])
    reader = LogReader(tmp_path)
    reader.poll()

    def fail(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pread", fail)
        reader.poll()
    assert reader.reading(ACC).values == {"acc": 0.5}
    assert reader.reading(ACC).notes == (f"'{NAME}' cannot be read: Input/output error",)
    reader.poll()
    assert reader.reading(ACC).notes == ()


# Links, pipes


@pytest.fixture
def outside(logs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("outside")
    (folder / NAME).write_bytes(logs.frame(logs.plain(1, acc=0.5)))
    return folder


def test_a_link_out_of_the_folder_is_not_followed_but_noted(outside, tmp_path):
    (tmp_path / "folder").symlink_to(outside)
    (tmp_path / NAME).symlink_to(outside / NAME)
    found = read(tmp_path, ACC)
    assert found.values == {}
    assert sorted(found.notes) == [
        f"'{name}' is a symbolic link out of the log folder, not followed" for name in (NAME, "folder")
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda path, target: path.symlink_to(target),
        lambda path, _: os.mkfifo(path),
        lambda path, _: path.mkdir(),
    ],
)
def test_what_takes_the_place_of_a_file_after_it_was_found_is_not_read(make, outside, tmp_path, monkeypatch):
    make(tmp_path / NAME, outside / NAME)
    monkeypatch.setattr(LogReader, "_walk", lambda *_: [(NAME, 100)])
    found = read(tmp_path, ACC)
    assert found.values == {}
    assert found.notes[0].startswith(f"'{NAME}' cannot be read: ")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_folder_exchanged_for_a_link_after_it_was_found_is_not_entered(depth, outside, tmp_path, monkeypatch):
    parts = ["x", "y", "z"][:depth]
    for number in range(depth):
        link = tmp_path.joinpath(str(number), *parts[:number])
        link.mkdir(parents=True)
        (link / parts[number]).symlink_to(outside if number == depth - 1 else tmp_path / str(number + 1))
    name = "/".join(["0", *parts, NAME])
    monkeypatch.setattr(LogReader, "_walk", lambda *_: [(name, 100)])
    found = read(tmp_path, ACC)
    assert (found.values, len(found.notes)) == ({}, 1)
    assert "cannot be read: it is a symbolic link, which is not followed" in found.notes[0]


def test_links_inside_the_folder_neither_matter_nor_loop(logs, write, tmp_path):
    write([logs.plain(1, acc=0.5)], f"version_0/{NAME}")
    (tmp_path / "latest").symlink_to("version_0")
    (tmp_path / "version_0/up").symlink_to("..")
    (tmp_path / "itself").symlink_to("itself")
    found = read(tmp_path, ACC)
    assert (found.values, found.notes) == ({"acc": 0.5}, ())


def test_a_log_folder_that_is_a_link_is_read(outside, tmp_path):
    (tmp_path / "logs").symlink_to(outside)
    assert read(tmp_path / "logs", ACC).values == {"acc": 0.5}


def test_a_pipe_is_not_waited_on(tmp_path):
    os.mkfifo(tmp_path / NAME)
    assert "no TensorBoard event file" in problem(tmp_path)


def test_a_file_with_several_names_is_read_once_and_is_in_the_folder_of_each(logs, write, tmp_path, monkeypatch):
    path = write([logs.plain(step, acc=step) for step in range(3)])
    (tmp_path / "best").mkdir()
    for link in (f"best/{NAME}", f"best/{NAME}.2"):
        os.link(path, tmp_path / link)
    really_read, read_bytes = os.pread, []
    monkeypatch.setattr(os, "pread", lambda *args: read_bytes.append(really_read(*args)) or read_bytes[-1])
    found = read(tmp_path, [*ACC, Wanted("here", "acc", run="."), Wanted("best", "acc", "Mean", run="best")])
    assert (found.values, found.ambiguous) == ({"here": 2.0, "best": 1.0}, ("acc",))
    assert sum(map(len, read_bytes)) == path.stat().st_size


def test_a_file_that_is_rotated_away_while_it_is_read_keeps_what_it_gave(logs, write, tmp_path, monkeypatch):
    path = write([logs.plain(1, acc=0.5)])
    really_read = os.pread

    def rotate(*args):
        if path.exists():
            path.rename(tmp_path / "rotated")
        return really_read(*args)

    monkeypatch.setattr(os, "pread", rotate)
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.reading(ACC).values == {"acc": 0.5}
    reader.poll()
    assert reader.curves() == {}, "it is gone now"


def test_a_file_cut_off_while_it_is_read_keeps_what_stood_before(logs, write, tmp_path, monkeypatch):
    first = logs.frame(logs.plain(1, acc=0.25))
    path = write(first + logs.frame(logs.plain(2, acc=0.5)))
    really_read = os.pread

    def cut(*args):
        os.truncate(path, len(first))
        return really_read(*args)

    monkeypatch.setattr(os, "pread", cut)
    assert read(tmp_path, ACC).values == {"acc": 0.25}


def test_a_folder_without_the_right_to_search_it_is_named_with_the_reason(logs, unprivileged):
    folder = unprivileged / "version_0"
    folder.mkdir()
    (unprivileged / NAME).write_bytes(logs.frame(logs.plain(1, acc=0.5)))
    (folder / NAME).write_bytes(logs.frame(logs.plain(1, loss=1)))
    for mode, what in ((0o600, f"version_0/{NAME}"), (0o000, "version_0")):
        folder.chmod(mode)
        found = read(unprivileged, [*ACC, Wanted("loss", "loss")])
        assert found.values == {"acc": 0.5}
        assert found.notes == (f"'{what}' cannot be read: Permission denied",)
        assert found.problems[0].endswith(f"tags found: 'acc' ('{what}' cannot be read: Permission denied)")
    unprivileged.chmod(0o600)
    assert f"'{NAME}' cannot be read: Permission denied" in problem(unprivileged)
    unprivileged.chmod(0o000)
    assert "the log folder cannot be read: Permission denied" in problem(unprivileged)


# Growth


def test_a_poll_says_whether_something_came(logs, write, tmp_path):
    reader = LogReader(tmp_path)
    assert not reader.poll()
    path = write([logs.FIRST])
    assert not reader.poll()
    with path.open("ab") as file:
        file.write(logs.frame(logs.plain(1, acc=0.5)))
    assert reader.poll()
    assert not reader.poll()


def test_what_was_read_is_not_read_again(logs, write, tmp_path):
    path = write([logs.plain(1, acc=0.25)])
    reader = LogReader(tmp_path)
    reader.poll()
    with path.open("r+b") as file:  # same length: only a reader that starts over would see it
        file.write(logs.frame(logs.plain(1, acc=0.5), logs.plain(2, loss=1)))
    reader.poll()
    assert reader.curves() == {"acc": ((1, 0.25),), "loss": ((2, 1.0),)}


@settings(max_examples=30)
@given(st.lists(st.integers(0, 400), max_size=6).map(sorted))
def test_a_log_read_in_pieces_is_the_log_read_at_once(logs, cuts):
    events = [logs.FIRST]
    events += [(logs.plain, logs.tensor)[step % 3 == 0](step % 4, acc=step, loss=step / 2) for step in range(8)]
    events[4:4] = [logs.start(2)]
    content = logs.frame(*events)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        reader = LogReader(path.parent)
        for cut in [*cuts, len(content)]:
            path.touch()
            with path.open("r+b") as file:
                file.write(content[:cut])
            reader.poll()
        fresh = LogReader(path.parent)
        fresh.poll()
        assert reader.curves() == fresh.curves()
        assert set(reader.curves()) == {"acc", "loss"}
        assert reader.reading(ACC).notes == ()


def test_a_file_that_became_shorter_is_read_again_from_its_start(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25), logs.plain(2, acc=0.5)])
    reader = LogReader(tmp_path)
    reader.poll()
    write([logs.plain(1, acc=0.75)])
    assert reader.poll()
    assert reader.curves() == {"acc": ((1, 0.75),)}


def test_a_file_that_was_emptied_counts_no_more(logs, write, tmp_path):
    write([logs.plain(1, acc=0.25)])
    reader = LogReader(tmp_path)
    reader.poll()
    write([])
    assert reader.poll()
    assert reader.curves() == {}


def test_a_file_that_was_replaced_is_read_again_from_its_start(logs, write, tmp_path):
    path = write([logs.plain(1, acc=0.25)])
    reader = LogReader(tmp_path)
    reader.poll()
    write([logs.plain(1, acc=0.5), logs.plain(2, acc=0.75)], "new").replace(path)
    assert reader.poll()
    assert reader.curves() == {"acc": ((1, 0.5), (2, 0.75))}


def test_a_file_that_is_gone_counts_no_more(logs, write, tmp_path):
    path = write([logs.plain(1, acc=0.25)])
    reader = LogReader(tmp_path)
    reader.poll()
    path.unlink()
    assert reader.poll()
    assert reader.curves() == {}


def test_bytes_that_arrive_after_the_file_has_grown_are_read(logs, write, tmp_path):
    # As on a network file system: first the size, with zeros, then the content.
    before, after = logs.frame(logs.plain(1, acc=0.25)), logs.frame(logs.plain(2, acc=0.5))
    reader = LogReader(tmp_path)
    for late in (bytes(len(after)), after[:20] + bytes(len(after) - 20)):
        path = write(before + late)
        reader.poll()
        assert reader.curves() == {"acc": ((1, 0.25),)}
        [note] = reader.reading(ACC).notes
        assert note.endswith(f"at byte {len(before)}")
        with path.open("r+b") as file:
            file.write(before + after)
        reader.poll()
        assert reader.curves() == {"acc": ((1, 0.25), (2, 0.5))}
        assert reader.reading(ACC).notes == ()
        path.unlink()
        reader.poll()


def test_a_damaged_end_that_was_cut_off_is_noted_no_more(logs, write, tmp_path):
    whole = logs.frame(logs.plain(1, acc=0.25))
    path = write(whole + bytes(30))
    reader = LogReader(tmp_path)
    reader.poll()
    assert len(reader.reading(ACC).notes) == 1
    os.truncate(path, len(whole))
    reader.poll()
    assert reader.reading(ACC).notes == ()


# Damage


def test_damaged_records_are_passed_over_and_noted_once(logs, write, tmp_path):
    records = [logs.frame(logs.plain(step, acc=step)) for step in range(1, 6)]
    damaged = [bytearray(record) for record in records]
    damaged[1][-1] ^= 1
    damaged[3][20] ^= 1
    write(b"".join(damaged))
    found = read(tmp_path, ACC)
    assert found.values == {"acc": 5.0}
    where = len(records[0])
    assert found.notes == (
        f"'{NAME}': passed over 2 record(s) with a wrong checksum of the data, the first at byte {where}",
    )


def test_nothing_is_read_behind_a_damaged_length(logs, write, tmp_path):
    first = logs.frame(logs.plain(1, acc=0.25))
    second = bytearray(logs.frame(logs.plain(2, acc=0.5)))
    second[0] ^= 1
    write(first + second + logs.frame(logs.plain(3, acc=0.75)))
    found = read(tmp_path, ACC)
    assert found.values == {"acc": 0.25}
    assert found.notes == (
        f"'{NAME}': stopped before a record with a wrong checksum of the length, at byte {len(first)}",
    )


def test_a_record_that_is_no_event_is_passed_over(logs, write, tmp_path):
    write(logs.frame(b"not a message", logs.plain(1, acc=0.5)))
    found = read(tmp_path, ACC)
    assert found.values == {"acc": 0.5}
    assert found.notes == (
        f"'{NAME}': passed over 1 record(s) with data that are not a TensorBoard event, the first at byte 0",
    )


# Size


def test_a_log_of_many_megabytes_is_read_across_the_reads(logs, write, tmp_path):
    pieces = [logs.frame(logs.plain(step, acc=step)) for step in range(200)]
    write(b"".join(pieces) * 300)  # 2.6 MB, so reads end inside a record
    reader = LogReader(tmp_path)
    reader.poll()
    assert reader.curves() == {"acc": tuple((step, float(step)) for step in range(200))}
    assert reader.reading(ACC).notes == ()


def test_a_record_larger_than_one_read_is_read(logs, write, tmp_path):
    # A field that readers skip, as an image would be, in one event with a scalar.
    image = b"\x1a" + b"\x80\x80\xc0\x00" + bytes(1 << 20)
    write(logs.frame(image + logs.plain(1, acc=0.5).SerializeToString(), logs.plain(1, loss=1)))
    found = read(tmp_path, [*ACC, Wanted("loss", "loss")])
    assert (found.values, found.notes) == ({"acc": 0.5, "loss": 1.0}, ())


@pytest.fixture
def memory():
    """Returns the most bytes allocated at once so far in the test."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


def test_a_huge_record_that_has_not_come_takes_no_memory(logs, write, tmp_path, memory):
    write(logs.frame(logs.plain(1, acc=0.5)) + huge_record(logs, 2**63) + bytes(1000))
    assert read(tmp_path, ACC).values == {"acc": 0.5}
    assert memory() < 8 << 20


def test_a_huge_record_that_is_there_is_passed_over_unread(logs, write, tmp_path, memory):
    path = write(huge_record(logs, 1 << 30))
    os.truncate(path, (1 << 30) + 16)  # a hole: takes no room on the disk
    with path.open("ab") as file:
        file.write(logs.frame(logs.plain(1, acc=0.5)))
    found = read(tmp_path, ACC)
    assert found.values == {"acc": 0.5}
    assert found.notes == (f"'{NAME}': passed over 1 record(s) with more data than scalars take, the first at byte 0",)
    assert memory() < 8 << 20
