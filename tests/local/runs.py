"""`paretonas run` as a process that is killed and started again, and what must be true of what it leaves."""

import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from paretonas.api import NASExperiment, NASTrial, Scalar
from paretonas.backends.local.store import read_experiment, read_trials

NAME = "quick"
REAL, SEEDED = "paretonas.cli.main", "tests.local.seeded"
"""The command, and the same with a search that answers at once."""

TRIAL = (sys.executable, "-I", "-S", str(Path(__file__).with_name("quick_trial.py")))


@dataclass(frozen=True)
class Search:
    """One experiment in a runs folder of its own."""

    folder: Path
    module: str = REAL

    @classmethod
    def prepare(cls, folder: Path, module: str, *, seconds: str = "0.3", **spec: Any) -> "Search":
        """Write the experiment's file."""
        folder.mkdir()
        document = {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASExperiment",
            "metadata": {"name": NAME},
            "spec": {
                "objectives": [
                    {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0},
                    {"metric": "size", "goal": "Minimize", "threshold": 100.0},
                ],
                "parameters": [{"name": "x", "float": {"min": 0.0, "max": 1.0}}],
                "trial": {"command": list(TRIAL), "args": ["${parameters.x}", seconds, "${trial.logDir}"]},
                **spec,
            },
        }
        (folder / "experiment.yaml").write_text(yaml.safe_dump(document))
        return cls(folder, module)

    def start(self) -> subprocess.Popen[str]:
        """Start `paretonas run`; its output goes to one file."""
        command = [sys.executable, "-m", self.module, "run", str(self.folder / "experiment.yaml")]
        with (self.folder / "output").open("a") as output:
            return subprocess.Popen(
                [*command, "--runs-dir", str(self.folder / "runs")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )

    def run(self) -> None:
        """Run to the end."""
        assert self.start().wait() == 0, self.output

    def kill_and_start_again(self, *, seed: int, kills: int) -> None:
        """Kill so many runs at random moments of the search, then run to the end.

        A run is killed soon after a certain trial was stored, or, one in four, soon after its start; so the moments
        lie all over the search on a slow machine, too.
        """
        moments = random.Random(seed)  # noqa: S311 # no secret
        budget = yaml.safe_load((self.folder / "experiment.yaml").read_text())["spec"]["maxTrials"]
        for stored in sorted(moments.choices(range(1, budget), k=kills)):
            process = self.start()
            if moments.random() < 0.75:
                self.wait_for_trials(stored, process)
            time.sleep(moments.uniform(0.0, 0.6))
            assert process.poll() is None, f"it ended before it could be killed: {self.output}"
            process.kill()  # this process alone: the trials live on
            process.wait()
        self.run()

    def wait_for_trials(self, count: int, process: subprocess.Popen[str]) -> None:
        """Wait until so many trials are stored."""
        while len(list(self.logs.glob("trials/*.json"))) < count:
            assert process.poll() is None, self.output
            time.sleep(0.01)

    def living(self) -> list[int]:
        """Process ids of the trials that live."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_text().rstrip("\0").split("\0")
            except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                continue
            if words[1:4] == list(TRIAL[1:]) and words[-1].startswith(str(self.logs)):
                found.append(int(folder.name))
        return found

    @property
    def output(self) -> str:
        """All that the runs have printed."""
        return (self.folder / "output").read_text()

    @property
    def logs(self) -> Path:
        """The folder of the experiment."""
        return self.folder / "runs" / NAME

    @property
    def experiment(self) -> NASExperiment:
        """As stored."""
        return read_experiment(self.logs)

    @property
    def trials(self) -> list[NASTrial]:
        """As stored."""
        return read_trials(self.logs)

    @property
    def candidates(self) -> list[dict[str, Scalar]]:
        """In the order in which they were asked."""
        return [dict(t.spec.parameters) for t in self.trials]

    def check_that_nothing_was_lost(self) -> None:
        """What the trials themselves and the store tell of a search that has ended."""
        budget = self.experiment.spec.max_trials
        trials, points = self.trials, [t.spec.parameters["x"] for t in self.trials]
        assert [t.spec.index for t in trials] == list(range(budget)), "exactly maxTrials"
        assert len(set(points)) == budget, f"a point was asked twice: {points}"
        ends = [[a.reason for a in t.status.attempts] for t in trials]
        assert ends == [["Completed"]] * budget, "a killed run costs no trial anything"
        lives = {path.parent: path.read_text().splitlines() for path in self.logs.glob("*/a*/life.log")}
        assert {f.relative_to(self.logs).as_posix() for f in lives} == {f"{NAME}-{i}/a1" for i in range(budget)}
        for folder, life in lives.items():
            words = [line.split()[0] for line in life]
            assert words == ["begin", "end"], f"{folder} was used more than once: {life}"
        assert not list(self.logs.glob("*/beside.log")), "two processes of one trial at once"
        assert self.experiment.status.trials.succeeded == budget
        assert self.experiment.status.finished
