"""docs/trial.md: its scripts are run, and its files are read; what they log is what the page says."""

import ast
import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tensorboardX import SummaryWriter
from tests import builders

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.engine.engine import wanted_metrics
from paretonas.jobs.appdef import trial_app
from paretonas.jobs.job import Launch
from paretonas.metrics import LogReader, read

PAGE = (Path(__file__).parents[2] / "docs" / "trial.md").read_text()

pytestmark = pytest.mark.timeout(400)  # torch and Lightning are imported, on a machine that does other things too


def section(title: str) -> str:
    [text] = re.findall(rf"^##+ {title}$(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def block(language: str, title: str) -> str:
    [text] = re.findall(rf"^```{language}\n(.*?)^```$", section(title), re.MULTILINE | re.DOTALL)
    return str(text)


@dataclass(frozen=True)
class Folders:
    """What a trial gets."""

    root: Path

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def output(self) -> Path:
        return self.root / "output"

    def start(self, script: str, *arguments: str, logs: str = "logs") -> subprocess.Popen[str]:
        """Start a script of the page, as a trial is started."""
        (self.root / "script.py").write_text(script)
        (self.root / logs).mkdir(exist_ok=True)
        folders = {"PARETONAS_LOG_DIR": str(self.root / logs), "PARETONAS_OUTPUT_DIR": str(self.output)}
        return subprocess.Popen(
            [sys.executable, *(arguments or ["script.py"])],
            cwd=self.root,
            env={**os.environ, **folders, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str, *arguments: str, logs: str = "logs") -> str:
        process = self.start(script, *arguments, logs=logs)
        output, _ = process.communicate()
        assert process.returncode == 0, output
        return output


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def spec_of(title: str, **more: Any) -> ExperimentSpec:
    """The experiment that a section's lines of YAML belong to."""
    return builders.spec(**{**more, **yaml.safe_load(block("yaml", title))})


def arguments(spec: ExperimentSpec, folders: Folders, **parameters: float) -> list[str]:
    """The words behind `python` that ParetoNAS passes by default."""
    experiment = builders.experiment().replace(spec=spec)
    trial: NASTrial = builders.trial()
    trial = trial.replace(spec=trial.spec.replace(parameters=parameters))
    [_, _, *words] = Launch(experiment, trial, 1).command(str(folders.logs), str(folders.output))
    return ["script.py", *words]


def test_a_script_of_lightnings_is_a_trial_and_resumes(folders: Folders) -> None:
    spec, script = spec_of("Lightning"), block("python", "Lightning")
    words = arguments(spec, folders, width=8)
    folders.run(script, *words)
    reading = read(folders.logs, wanted_metrics(spec))
    assert set(reading.values) == {"val_loss"}, reading.problems
    assert (folders.output / "last.ckpt").exists()
    longer = script.replace("max_epochs=2", "max_epochs=3")
    (folders.root / "again").mkdir()
    folders.run(longer, *[word.replace(str(folders.logs), str(folders.root / "again")) for word in words])
    [event_file] = (folders.root / "again").glob("version_0/events*")
    assert event_file.stat().st_size > 0
    assert set(read(folders.root / "again", wanted_metrics(spec)).values) == {"val_loss"}


def test_a_script_with_tensorboardx_is_a_trial(folders: Folders) -> None:
    title = "tensorboardX, without torch"
    spec = spec_of(title)
    folders.run(block("python", title), *arguments(spec, folders, rate=0.5))
    assert read(folders.logs, wanted_metrics(spec)).values["error"] == pytest.approx(0.1, abs=0.01)


def test_an_attempt_that_was_killed_is_resumed_by_the_next_one(folders: Folders) -> None:
    script = block("python", "Resuming from a checkpoint")
    first = folders.start(script, logs="a1")
    assert first.stdout is not None
    lines = iter(first.stdout.readline, "")
    assert any(line == "epoch 3\n" for line in lines)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    begin, *rest = folders.run(script, logs="a2").splitlines()
    after = int(begin.removeprefix("resumed after epoch "))
    assert after >= 3
    assert rest == [f"epoch {epoch}" for epoch in range(after + 1, 31)]
    reader = LogReader(folders.root / "a2")
    reader.poll()
    [series] = reader.series()
    assert (series.values, series.steps) == (30, (1, 30)), "the log of the last attempt is whole"


def test_of_the_processes_of_a_distributed_trial_one_writes(folders: Folders) -> None:
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "script.py"]
    folders.run(block("python", "Distributed"), *torchrun)
    wanted = wanted_metrics(builders.spec(objectives=[{"metric": "loss", "goal": "Minimize"}]))
    assert read(folders.logs, wanted).values == {"loss": 3.0}, "1 of the one process and 2 of the other"
    assert len(list(folders.logs.iterdir())) == 1


def test_what_keras_writes_is_read_as_the_page_says(folders: Folders) -> None:
    """Keras is not run here: its script is parsed, and the folders that its callback writes are made by another."""
    ast.parse(block("python", "Keras"))
    for run, offset in (("train", 0.0), ("validation", 0.5)):
        with SummaryWriter(str(folders.logs / run)) as writer:
            for epoch, loss in enumerate((3.0, 1.0, 2.0)):
                writer.add_scalar("epoch_loss", loss + offset, epoch)
    assert read(folders.logs, wanted_metrics(spec_of("Keras"))).values == {"val_loss": 1.5}


def test_the_file_that_says_what_is_read_is_valid() -> None:
    spec = spec_of("What is read")
    assert [(m.name, m.tag, m.reduce) for m in spec.metric_sources] == [
        ("val_loss", "val/loss", "Min"),
        ("num_params", "num_params", "Last"),
    ]


def test_the_variables_are_those_that_are_set() -> None:
    app = trial_app(Launch(builders.experiment(), builders.trial(), 1), "/logs", "/output")
    assert re.findall(r"^\| `(PARETONAS_\w+)` \|", section("Environment"), re.MULTILINE) == [
        name for name in app.roles[0].env if name.startswith("PARETONAS_")
    ]
