"""Tables of learning curves: for each of some trained networks its parameters, what it logged, and its size."""

import csv
import math
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from benchmarks.rivals import domain
from benchmarks.stopping import digits
from benchmarks.tables import Choice, Parameters, Range, Space
from numpy.typing import NDArray

from paretonas.api import ExperimentSpec, parse_experiment
from paretonas.engine.early_stopping import CompletedTrial

Points = list[tuple[int, float]]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "paretonas" / "stopping"

SCAN_BENCH = "scan_bench-0.2.3-py3-none-any.whl"
SCAN_BENCH_SHA256 = "7b22afb7ffc70063d03d41dde5fec9af7a9ed90e79c6a47cf58dac4429450029"


class TableError(ValueError):
    """A table cannot be used; the message says why."""


@dataclass(frozen=True)
class Metric:
    """An objective: a curve, or a value that is known before the training."""

    name: str
    goal: str = "Minimize"
    scale: str = "Linear"


@dataclass(frozen=True)
class Network:
    """One row of a table.

    Attributes:
        curves: (step, value) by metric, complete.
        known: What is known before the training.
        parameters: Its point of the table's space; empty if the table has none.
    """

    curves: Mapping[str, Points]
    known: Mapping[str, float]
    parameters: Parameters

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps at which it logged anything."""
        return tuple(sorted({step for points in self.curves.values() for step, _ in points}))

    @property
    def metrics(self) -> dict[str, float]:
        """The final values: the last one of each curve."""
        return {**{name: points[-1][1] for name, points in self.curves.items()}, **self.known}

    def result(self, name: str) -> CompletedTrial:
        """The network as a completed trial with this name."""
        return CompletedTrial(name, self.metrics, self.curves)


@dataclass(frozen=True)
class Table:
    """Networks, and what is wanted of them.

    Attributes:
        name: For the reports.
        curves: The objectives that are curves, at least one.
        known: The objectives that are known before the training.
        space: The parameters; empty if the networks have none, and then no search can ask for one.
    """

    name: str
    curves: tuple[Metric, ...]
    known: tuple[Metric, ...]
    networks: Sequence[Network]
    space: Space = ()

    def spec(self, seed: int = 0, trials: int = 1) -> ExperimentSpec:
        """The experiment that a user would write; each threshold is the worst final value of the table."""
        objectives = []
        for metric in (*self.curves, *self.known):
            finals = [network.metrics[metric.name] for network in self.networks]
            worst = max(finals) if metric.goal == "Minimize" else min(finals)
            objectives.append({"metric": metric.name, "goal": metric.goal, "scale": metric.scale, "threshold": worst})
        parameters = [{"name": p.name, **domain(p)} for p in self.space] or [{"name": "none", "fixed": {"value": 0}}]
        return parse_experiment(
            {
                "apiVersion": "paretonas.io/v1alpha1",
                "kind": "NASExperiment",
                "metadata": {"name": "stopping"},
                "spec": {
                    "objectives": objectives,
                    "parameters": parameters,
                    "maxTrials": trials,
                    "search": {"seed": seed},
                    "trial": {"command": ["true"]},  # required, and never started
                },
            }
        ).spec

    def nearest(self, parameters: Parameters, besides: Iterable[int]) -> int:
        """The row that is nearest to a point, in the unit cube of the space; each row once."""
        point = np.array([_position(p, parameters[p.name]) for p in self.space])
        apart = np.square(self._positions - point).sum(1)
        apart[list(besides)] = math.inf
        return int(apart.argmin())

    @cached_property
    def _positions(self) -> NDArray[np.float64]:
        return np.array([[_position(p, n.parameters[p.name]) for p in self.space] for n in self.networks])


def _position(parameter: Choice | Range, value: Any) -> float:
    """Where a value lies in its parameter's range, 0 to 1."""
    if isinstance(parameter, Choice):
        return parameter.values.index(value) / max(1, len(parameter.values) - 1)
    low, high = parameter.low, parameter.high
    return math.log(value / low) / math.log(high / low) if parameter.log else (value - low) / (high - low)


def digits_table(metric: str = "val_loss") -> Table:
    """512 networks of 50 epochs each on scikit-learn's digits (`benchmarks.stopping.digits`)."""
    if not digits.FILE.exists():
        raise TableError(f"{digits.FILE} is not there; make it with: python -m benchmarks.stopping.digits")
    with np.load(digits.FILE, allow_pickle=False) as file:
        columns = {name: file[name] for name in file.files}
    networks = [
        Network(
            {metric: list(enumerate(columns[metric][row].tolist(), start=1))},
            {"num_params": float(columns["num_params"][row])},
            {p.name: columns[p.name][row].item() for p in digits.SPACE},
        )
        for row in range(len(columns["num_params"]))
    ]
    curve = Metric(metric, "Maximize") if metric == "val_acc" else Metric(metric, "Minimize", "Log")
    return Table(f"digits, {metric}", (curve,), (Metric("num_params", scale="Log"),), networks, digits.SPACE)


def vlm_table() -> Table:
    """848 vision-language models of 4 to 10 epochs, from `scan-bench` 0.2.3 (MIT): validation loss and model size.

    Left out are those with fewer than 4 values, and those that diverged, whose loss is a constant there.
    """
    usable = [
        r for r in _scanned("vlm/data.csv") if len(r) >= 4 and not any(row["epoch_diverged"] == "True" for row in r)
    ]
    floats = {"lr": True, "wd": True, "beta1": False, "beta2": False, "eps": True, "warmup_fraction": False}
    widths = ("vision_width", "text_width", "total_samples_planned")

    def column(name: str, kind: Callable[[str], Any]) -> list[Any]:
        return [kind(r[0][name]) for r in usable]

    samples = column("total_samples_planned", _whole)
    space: Space = (
        *(Range(name, min(column(name, float)), max(column(name, float)), log=log) for name, log in floats.items()),
        *(Choice(name, tuple(sorted(set(column(name, _whole)))), ordered=True) for name in widths[:2]),
        Range(widths[2], min(samples), max(samples), integer=True, log=True),
    )
    networks = [
        Network(
            {"val_loss": sorted((int(row["epoch"]), float(row["val_loss"])) for row in r)},
            {"mparams": float(r[0]["mparams"])},
            {**{n: float(r[0][n]) for n in floats}, **{n: _whole(r[0][n]) for n in widths}},
        )
        for r in usable
    ]
    return Table("VLM", (Metric("val_loss"),), (Metric("mparams", scale="Log"),), networks, space)


def llm_table() -> Table:
    """423 language models with 4 to 10 values each, from the same package: validation loss and model size.

    The learning rate is lowered at the end, which brings large late gains. Steps count the values; there is no space.
    """
    networks = []
    for rows in _scanned("llm/configs_intermediate_summary.csv"):
        in_order = sorted(rows, key=lambda row: float(row["eval_step"]))
        losses = [float(row["valid_loss"]) for row in in_order]
        if len(losses) >= 4 and all(map(math.isfinite, losses)):
            curve = list(enumerate(losses, start=1))
            networks.append(Network({"valid_loss": curve}, {"n_params": float(rows[0]["n_params"])}, {}))
    return Table("LLM", (Metric("valid_loss"),), (Metric("n_params", scale="Log"),), networks)


def _scanned(name: str) -> Iterable[list[dict[str, str]]]:
    """The rows of a file of scan-bench, one list for each network."""
    found: dict[str, list[dict[str, str]]] = {}
    with ZipFile(_scan_bench()) as wheel, wheel.open(f"scan_bench/{name}") as file:
        for row in csv.DictReader(TextIOWrapper(file, encoding="utf-8")):
            found.setdefault(row["config_id"], []).append(row)
    return found.values()


def _whole(text: str) -> int:
    return round(float(text))


def _scan_bench() -> Path:
    """The wheel of scan-bench, downloaded once. It is read as an archive: its many dependencies are not needed."""
    file = CACHE / SCAN_BENCH
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "-d",
            str(CACHE),
            "scan-bench==0.2.3",
        ]
        pip = shutil.which("pip") or shutil.which("pip3")
        if pip is None or subprocess.run([pip, *command[1:]], check=False).returncode:
            raise TableError(f"the table VLM is in scan-bench 0.2.3 (24 MB); fetch it with: {' '.join(command)}")
    if sha256(file.read_bytes()).hexdigest() != SCAN_BENCH_SHA256:
        raise TableError(f"{file} is not the wheel of scan-bench 0.2.3: delete it, and it is fetched again")
    return file


def csv_table(file: Path, curves: Sequence[Metric], known: Sequence[Metric]) -> Table:
    """Read a table of one's own: the columns trial and step, and one for each metric.

    An empty cell says that the metric was not logged at that step. Of a known metric, all values of a trial must agree.

    Raises:
        TableError: A column or a value is missing or wrong; the message names file, line and column.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            wanted = ["trial", "step", *(m.name for m in (*curves, *known))]
            if lacking := [name for name in wanted if name not in (reader.fieldnames or ())]:
                there = ", ".join(reader.fieldnames or ["none"])
                raise TableError(f"{file} has no column {', '.join(lacking)}; its columns are {there}")
            trials: dict[str, dict[str, dict[int, float]]] = {}
            for row in reader:
                where = f"{file}, line {reader.line_num}"
                _read_row(row, where, wanted[2:], trials)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TableError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
    if len(trials) < 2:
        raise TableError(f"{file} has {len(trials)} trials; write one line for each step of each trial")
    networks = [_network(f"{file}, trial {name}", columns, curves, known) for name, columns in trials.items()]
    table = Table(file.name, tuple(curves), tuple(known), networks)
    table.spec()  # a Log scale needs positive values
    return table


def _read_row(
    row: Mapping[str, str | None], where: str, metrics: Sequence[str], trials: dict[str, dict[str, dict[int, float]]]
) -> None:
    try:
        step = int(row["step"] or "")
    except ValueError:
        raise TableError(f"{where}: step is {row['step']!r}, not a whole number") from None
    columns = trials.setdefault(row["trial"] or "", {name: {} for name in metrics})
    logged = columns.setdefault("", {})  # the steps of the lines
    if step in logged:
        raise TableError(f"{where}: step {step} of trial {row['trial']} is already there; keep one line for each step")
    logged[step] = 0.0
    for name in metrics:
        text = (row[name] or "").strip()
        if not text:
            continue
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise TableError(
                f"{where}: {name} is {text!r}, not a finite number; leave the cell empty, or the trial out"
            )
        columns[name][step] = value


def _network(
    where: str, columns: Mapping[str, Mapping[int, float]], curves: Sequence[Metric], known: Sequence[Metric]
) -> Network:
    for metric in (*curves, *known):
        if not columns[metric.name]:
            raise TableError(f"{where} has no value of {metric.name}; leave the trial out")
        if metric.scale == "Log" and min(columns[metric.name].values()) <= 0:
            raise TableError(f"{where}: {metric.name} is not above 0 everywhere, as the scale Log needs")
    for metric in known:
        if len(set(columns[metric.name].values())) > 1:
            raise TableError(f"{where}: {metric.name} changes, so it is not known before the trial; make it a --curve")
    return Network(
        {metric.name: sorted(columns[metric.name].items()) for metric in curves},
        {metric.name: next(iter(columns[metric.name].values())) for metric in known},
        {},
    )
