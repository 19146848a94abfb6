"""The tutorial's search loop with current Ax and TorchX; see benchmarks/mnist.py, which runs it."""

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from torchx import specs
from torchx.runner import get_runner
from torchx.specs import AppState

TRIAL = Path(__file__).with_name("tutorial_trial.py")
PARALLELISM = 2
POLL_SECONDS = 0.5
TAGS = ("val_acc", "num_params")


def client(seed: int) -> Client:
    """Ax as the tutorial sets it up: its space, its objectives with thresholds, its default strategy."""
    ax = Client(random_seed=seed)
    ax.configure_experiment(
        parameters=[
            RangeParameterConfig(name="hidden_size_1", bounds=(16, 128), parameter_type="int", scaling="log"),
            RangeParameterConfig(name="hidden_size_2", bounds=(16, 128), parameter_type="int", scaling="log"),
            RangeParameterConfig(name="learning_rate", bounds=(1e-4, 1e-2), parameter_type="float", scaling="log"),
            RangeParameterConfig(name="epochs", bounds=(1, 4), parameter_type="int"),
            RangeParameterConfig(name="dropout", bounds=(0.0, 0.5), parameter_type="float"),
            ChoiceParameterConfig(name="batch_size", values=[32, 64, 128, 256], parameter_type="int", is_ordered=True),
        ]
    )
    ax.configure_optimization(
        objective="val_acc, -num_params", outcome_constraints=["val_acc >= 0.94", "num_params <= 80000"]
    )
    ax.configure_generation_strategy()
    return ax


def component(trial: int, parameters: dict[str, object], log_dir: Path) -> specs.AppDef:
    """The tutorial's TorchX component: one role that runs the training script."""
    arguments = [part for name, value in parameters.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    role = specs.Role(
        name="trainer",
        image="",
        entrypoint=sys.executable,
        args=[str(TRIAL), *arguments, "--log-dir", str(log_dir)],
        env={"OMP_NUM_THREADS": "1"},
    )
    return specs.AppDef(name=f"trial-{trial}", roles=[role])


def values(log_dir: Path) -> dict[str, float] | None:
    """The values from TensorBoard's own reader, used as Ax's TensorboardMetric uses it."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(log_dir)).Reload()
    found = {}
    for run, tags in multiplexer.Runs().items():
        for tag in set(TAGS) & set(tags["tensors"]) | set(TAGS) & set(tags["scalars"]):
            scalar = tag in tags["scalars"]
            last = (multiplexer.Scalars(run, tag) if scalar else multiplexer.Tensors(run, tag))[-1]
            found[tag] = float(last.value if scalar else last.tensor_proto.float_val[0])
    return found if len(found) == len(TAGS) else None


def main() -> None:
    """Keep two jobs running until all trials have ended; write what was observed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    logging.disable(logging.INFO)
    ax, runner = client(options.seed), get_runner()
    running: dict[int, str] = {}
    observed: list[dict[str, float]] = []
    asked = 0
    while asked < options.trials or running:
        free = min(PARALLELISM - len(running), options.trials - asked)
        for trial, parameters in (ax.get_next_trials(max_trials=free) if free else {}).items():
            app = component(trial, dict(parameters), options.folder / str(trial))
            running[trial] = runner.run(app, "local_cwd", {"log_dir": str(options.folder / f"torchx-{trial}")})
            asked += 1
        time.sleep(POLL_SECONDS)
        for trial, handle in list(running.items()):
            status = runner.status(handle)
            if status is None or not status.is_terminal():
                continue
            del running[trial]
            metrics = values(options.folder / str(trial)) if status.state == AppState.SUCCEEDED else None
            if metrics is None:
                ax.mark_trial_failed(trial)
            else:
                ax.complete_trial(trial, raw_data=metrics)
                observed.append(metrics)
            print(f"  {len(observed)} of {options.trials}: {metrics}", file=sys.stderr, flush=True)
    options.out.write_text(json.dumps(observed))


if __name__ == "__main__":
    main()
