"""The event files of one trial's log folder, read as they grow."""

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from paretonas.metrics.curve import Curve
from paretonas.metrics.event_file import EventFile
from paretonas.metrics.findings import Series, explain_value, list_series
from paretonas.metrics.limits import Budget
from paretonas.metrics.log_folder import LinkError, LogFolder, open_file, open_folder
from paretonas.metrics.reduction import Reading, Wanted, in_brackets, quote, quote_names, summarise, unread
from paretonas.metrics.run_choice import choose_runs, name_run


def read(folder: Path | LogFolder, wanted: Sequence[Wanted]) -> Reading:
    """Read the wanted metrics from all event files in a folder and its sub-folders, whatever their state."""
    reader = LogReader(folder, {metric.tag for metric in wanted})
    reader.poll()
    return reader.reading(wanted)


def count_logged(folder: Path | LogFolder) -> int:
    """Bytes that the event files in a folder and its sub-folders have; they are not opened."""
    return LogReader(folder).size()


class LogReader:
    """Reads a trial's logs repeatedly, each time only what is new.

    Event files are those with `tfevents` in their name, as for TensorBoard. They count in the order of their creation,
    which their names tell; see `curve` for the files of one folder, and `run_choice` for several folders. No symbolic
    link below the folder is followed, whenever it was created.

    A file that was replaced or became shorter is read again from its start, and the values of a removed file are
    dropped, so the result is that of a new reader. There are two exceptions: the values of a file that can no longer be
    opened are kept, and a file rewritten in place with the same length or more looks as if it had grown.

    Not safe for use by several threads at once.
    """

    def __init__(self, folder: Path | LogFolder, tags: Collection[str] | None = None) -> None:
        """Read the event files below ``folder``; of values only those of ``tags``, if they are given."""
        self._folder = folder if isinstance(folder, LogFolder) else LogFolder(folder)
        self._budget = Budget(tags)
        self._files: dict[str, EventFile] = {}  # by path below the folder, in the order in which they count
        self._notes: list[str] = []
        self._has_unreadable = False

    def poll(self) -> bool:
        """Read what is new in the folder. Return whether the curves may have changed."""
        self._notes, self._has_unreadable = [], False
        before, self._files = self._files, {}
        with self._budget.timed():
            try:
                with self._folder.enter() as folder:
                    changed = self._read(folder, before)
            except OSError as error:
                changed = False
                self._note_log_folder(error)
        now = {id(file) for file in self._files.values()}
        for file in {id(file): file for file in before.values() if id(file) not in now}.values():
            self._budget.put_back(file.offset, file.kept)
        return changed or not before.keys() <= self._files.keys()

    def size(self) -> int:
        """Return the bytes that the event files have; they are not opened."""
        with self._budget.timed():
            try:
                with self._folder.enter() as folder:
                    return sum(size for _, size in self._walk(folder))
            except OSError:
                return 0

    def curves(self) -> Mapping[str, tuple[tuple[int, float], ...]]:
        """Return tag → (step, value), strictly ascending by step; values may be NaN and infinite.

        A tag that is in several folders, none of which takes another's place, is several: ``loss (train)``.
        """
        found = {}
        for tag, of_tag in self._curves().items():
            runs = choose_runs(list(of_tag))
            for run in runs:
                found[tag if len(runs) == 1 else f"{tag} ({name_run(run, runs)})"] = of_tag[run].by_step()
        return found

    def chosen(self, wanted: Sequence[Wanted]) -> dict[str, Curve]:
        """Return the curve that each metric would be taken from, by metric; none while `is_whole` is false.

        A metric is left out where it has no curve, or several folders hold one.
        """
        if not self.is_whole:
            return {}
        curves = self._curves()
        found = {}
        for metric in wanted:
            of_tag = curves.get(metric.tag, {})
            runs = choose_runs(list(of_tag), metric.run)
            if len(runs) == 1 and metric.tag not in self._budget.cut:
                found[metric.name] = of_tag[runs[0]]
        return found

    @property
    def is_whole(self) -> bool:
        """Whether there is nothing in the logs that should have been read so far, and could not."""
        damaged = any(file.is_damaged for file in self._files.values())
        return not (self._budget.stopped or self._has_unreadable or damaged)

    @property
    def kept(self) -> int:
        """The number of values in memory."""
        return sum(file.kept for file in {id(file): file for file in self._files.values()}.values())

    def series(self) -> list[Series]:
        """Return what was read so far, by tag and folder."""
        return list_series(self._curves())

    def explain(self, metric: Wanted) -> str:
        """Say which value of what was read so far a metric is; "" if it has none."""
        return explain_value(metric, self._curves())

    def reading(self, wanted: Sequence[Wanted]) -> Reading:
        """Reduce what was read so far to one value per metric."""
        notes = list(self._notes)
        for name, file in self._files.items():
            notes += [f"{quote(name)}: {note}" for note in file.notes()]
        if self._budget.stopped:  # a value of what was read would be one of a part of the logs
            return unread(wanted, f"the logs are not read to their end: {self._budget.stopped}", notes)
        missing = "scalar" if self._files else "TensorBoard event file"
        nothing = f"there is no {missing} in {quote(str(self._folder.path))}{in_brackets(notes)}"
        curves = self._curves()
        notes += _describe_replaced({metric.tag: list(curves.get(metric.tag, ())) for metric in wanted})
        cut = {tag: f"tag {quote(tag)} has too many values; log it less often" for tag in self._budget.cut}
        return summarise(curves, wanted, notes, nothing=nothing, found=self._budget.tags, unread=cut)

    def _read(self, folder: int, before: Mapping[str, EventFile]) -> bool:
        """Read what is new in each file. Return whether there was any scalar."""
        changed = False
        opened: dict[tuple[int, int], EventFile] = {}
        for name in sorted(self._affordable(folder), key=_creation):
            known = before.get(name)
            try:
                # Opening is also what makes a network file system fetch the present size.
                with os.fdopen(open_file(folder, name), "rb", buffering=0) as stream:
                    status = os.fstat(stream.fileno())
                    identity = status.st_dev, status.st_ino
                    has_been = status.st_nlink > 1 and identity in opened  # by another of its names
                    if has_been:
                        known = opened[identity]
                    elif known is None or known.identity != identity or status.st_size < known.offset:
                        changed |= known is not None
                        known = EventFile(identity, self._budget)
                    if not has_been and not self._budget.stopped:
                        changed |= known.advance(stream.fileno(), status.st_size)
                    opened[identity] = known
            except OSError as error:
                self._note_unreadable(name, error)
            if known is not None:
                self._files[name] = known
        return changed

    def _affordable(self, folder: int) -> Iterator[str]:
        """Yield the event files by their path below the folder, as long as they are few and small enough."""
        total = 0
        for count, (name, size) in enumerate(self._walk(folder), 1):
            total += size
            if not self._budget.afford(count, total):
                return
            yield name

    def _walk(self, folder: int, below: str = "", depth: int = 0) -> Iterator[tuple[str, int]]:
        """Yield the event files and their sizes, and notes what cannot be searched."""
        with os.scandir(folder) as entries:
            for entry in entries:
                if not self._budget.look(depth):
                    return
                name = f"{below}{entry.name}"
                try:
                    if entry.is_symlink():
                        self._note_if_outside(folder, name)
                    elif entry.is_dir(follow_symlinks=False):
                        yield from self._walk_below(folder, name, depth + 1)
                    elif "tfevents" in entry.name and entry.is_file(follow_symlinks=False):
                        yield name, entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:  # it has just gone
                    continue
                except OSError as error:
                    self._note_unreadable(name, error)

    def _walk_below(self, folder: int, name: str, depth: int) -> Iterator[tuple[str, int]]:
        inner = open_folder(folder, PurePath(name).name)
        try:
            yield from self._walk(inner, f"{name}/", depth)
        finally:
            os.close(inner)

    def _note_unreadable(self, name: str, error: OSError) -> None:
        self._has_unreadable = True
        self._notes.append(f"{quote(name)} cannot be read: {error.strerror}")

    def _note_if_outside(self, folder: int, link: str) -> None:
        """Notes a link that leaves the folder. What others lead to is read at its own place."""
        path = PurePath(link)
        target = os.readlink(path.name, dir_fd=folder)
        # by its text alone: what it leads to is nobody's business here
        inside = os.path.normpath(self._folder.path / path.parent / target)
        if not PurePath(inside).is_relative_to(os.path.normpath(self._folder.path)):
            self._notes.append(f"{quote(link)} is a symbolic link out of the log folder, not followed")

    def _note_log_folder(self, error: OSError) -> None:
        self._has_unreadable = True
        if isinstance(error, LinkError):
            self._notes.append(f"{quote(str(error.filename))} cannot be entered: {error.strerror}")
        else:
            self._notes.append(f"the log folder cannot be read: {error.strerror}")

    def _curves(self) -> dict[str, dict[str, Curve]]:
        """Return tag → folder → curve, the folders in the order in which they were written to."""
        folders: dict[str, list[EventFile]] = {}
        for name, file in self._files.items():
            folder = str(PurePath(name).parent)
            folders[folder] = [*folders.pop(folder, ()), file]  # which puts the folder behind the others
        curves: defaultdict[str, dict[str, Curve]] = defaultdict(dict)
        for folder, files in folders.items():
            for tag in dict.fromkeys(tag for file in files for tag in file.writes):
                curve = Curve.of([file.values_of(tag) for file in files])
                if curve.steps.size:
                    curves[tag][folder] = curve
        return curves


def _describe_replaced(folders: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Says which folders of a tag are earlier runs, whose place a later one takes."""
    for tag, all_of_them in sorted(folders.items()):
        earlier = set(all_of_them).difference(choose_runs(all_of_them))
        if earlier:
            yield f"tag {quote(tag)} is in earlier runs too, which do not count: {quote_names(earlier)}"


def _creation(name: str) -> tuple[list[int], list[int], str]:
    """Orders files by the numbers in their names: events.out.tfevents.<seconds>.<host>.<process>.<count>.

    tensorboardX ends at the host: of files made in one second those in version_9 come before those in version_10.
    """
    path = PurePath(name)
    _, _, numbered = path.name.partition("tfevents")
    return _numbers(numbered), _numbers(str(path.parent)), name


def _numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall("[0-9]+", text)]
