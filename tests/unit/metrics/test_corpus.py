"""Logs that were thought of, or that Hypothesis has found: read without an error, and nothing that was not written."""

from pathlib import Path

import pytest

from paretonas.metrics import LogReader, Wanted, read

CORPUS = sorted(Path("tests/data/corpus/logs").iterdir())
WRITTEN = {"acc": {1: 0.5, 2: 0.25, 3: 0.125}, "loss": {1: 1.0, 2: 2.0, 3: 4.0}}
"""What stands in each of them before it was damaged."""


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_damaged_log_gives_what_was_written_or_nothing(file: Path, tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1").write_bytes(file.read_bytes())
    reader = LogReader(tmp_path)
    reader.poll()
    for tag, curve in reader.curves().items():
        assert dict(curve).items() <= WRITTEN[tag].items(), f"{tag} of {file}"
    reading = read(tmp_path, [Wanted("acc", "acc"), Wanted("loss", "loss", "Mean")])
    assert len(reading.values) + len(reading.problems) == 2, "each metric has a value, or a reason why not"
