"""Trials started as processes, as the operator starts them, and what they write."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.unit.trainer.small_mnist import SmallMnist

# Runs trials one after the other, so that they share the time to import torch; ends with the first that fails.
TRIALS = """
import json, sys
from paretonas_trainer.__main__ import run
md5, trials = map(json.loads, sys.argv[1:])
sys.exit(next(filter(None, (run(trial, md5) for trial in trials)), 0))
"""
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "--no-python", sys.executable)
"""Has two processes do what Python is told after it."""

Scalars = dict[str, list[tuple[int, float]]]


def run(command: list[str], **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,  # seconds: below pytest's own limit, so that what the process said is shown
    )


def run_trials(
    small_mnist: SmallMnist,
    *trials: str,
    before: str = "",
    launcher: tuple[str, ...] = (),
    **environment: str,
) -> "subprocess.CompletedProcess[str]":
    words = [json.dumps(small_mnist.md5), json.dumps([trial.split() for trial in trials])]
    environment["PARETONAS_DATA_DIR"] = str(small_mnist.data_dir)
    return run([*launcher, "-c", before + TRIALS, *words], **environment)


def scalars(log_dir: Path) -> Scalars:
    logs = EventAccumulator(str(log_dir), size_guidance={"scalars": 0})
    logs.Reload()
    return {tag: [(at.step, at.value) for at in logs.Scalars(tag)] for tag in logs.Tags()["scalars"]}


def without_time(logs: Scalars) -> Scalars:
    return {tag: values for tag, values in logs.items() if tag != "train_time"}
