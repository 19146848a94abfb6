"""48 MNIST networks, two at a time: `paretonas run` against the tutorial's way, each from its start to its Pareto set.

The tutorial's way is what somebody does today who follows "Multi-Objective NAS with Ax" with Ax 1.3: one Ax client in
a loop, each candidate a TorchX ``local_cwd`` job of the tutorial's training script (benchmarks/tutorial_trial.py), its
values read by TensorBoard's own reader. Both have the same parameters and thresholds, one thread a trial, and the same
data on disk. The tutorial has ``hidden_size_2 <= hidden_size_1`` only in a comment, since Ax refuses it on log scales;
here neither side has it (it costs hypervolume: a wide second layer is cheap).

    python -m benchmarks.mnist [--sides paretonas tutorial] [--seeds 1] [--trials 48] [--json OUT]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from paretonas.api import load_experiment
from paretonas.backends.local.store import read_trials
from paretonas.search.pareto import hypervolume, pareto_set

ROOT = Path(__file__).parents[1]
EXPERIMENT = ROOT / "examples" / "mnist-nas.yaml"
PARALLELISM = 2


@dataclass(frozen=True)
class Result:
    """The run of one side."""

    side: str
    seed: int
    seconds: float
    observed: list[dict[str, float]]
    failed: int


def main() -> None:
    """Run the sides in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="seeds 0 to N-1 (default: 1)")
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--json", type=Path, metavar="OUT", help="keep what was measured here, beside what it holds")
    options = parser.parse_args()
    results = [Result(**kept) for kept in json.loads(options.json.read_text())] if _exists(options.json) else []
    subprocess.run([sys.executable, "-m", "paretonas_trainer", "prepare"], check=True)
    for seed in range(options.seeds):
        for side in options.sides:
            with tempfile.TemporaryDirectory(prefix=f"mnist-{side}-") as folder:
                print(f"{side}, seed {seed} ...", file=sys.stderr, flush=True)
                results.append(SIDES[side](Path(folder), seed, options.trials))
            if options.json:
                options.json.write_text(json.dumps([asdict(result) for result in results]))
    print(table(results))


def run_paretonas(folder: Path, seed: int, trials: int) -> Result:
    """The example's file with another seed, by the command that a user types."""
    document = yaml.safe_load(EXPERIMENT.read_text())
    del document["spec"]["parameterConstraints"]  # the same space for both; see above
    document["spec"] |= {
        "maxTrials": trials,
        "parallelism": PARALLELISM,
        "search": {"seed": seed, "initialTrials": 9},
    }
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump(document))
    start = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "paretonas.cli.main",
        "run",
        str(file),
        "--runs-dir",
        str(folder / "runs"),
    ]
    subprocess.run(command, check=True, stdout=sys.stderr)
    seconds = time.perf_counter() - start
    ended = read_trials(folder / "runs" / document["metadata"]["name"])
    observed = [dict(t.status.metrics) for t in ended if t.status.state == "Succeeded"]
    return Result("paretonas", seed, seconds, observed, len(ended) - len(observed))


def run_tutorial(folder: Path, seed: int, trials: int) -> Result:
    """Ax's loop around TorchX, in a process of its own so that its imports count as they do for its user."""
    out = folder / "result.json"
    start = time.perf_counter()
    arguments = ["--folder", str(folder), "--seed", str(seed), "--trials", str(trials), "--out", str(out)]
    # One thread for the loop too, which is kind to it: with as many as there are cores, Ax's threads wait for each
    # other while the trials have the cores, and a suggestion takes 20 s instead of 3.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.tutorial_loop", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    seconds = time.perf_counter() - start
    observed = json.loads(out.read_text())
    return Result("tutorial", seed, seconds, observed, trials - len(observed))


SIDES = {"paretonas": run_paretonas, "tutorial": run_tutorial}


def table(results: list[Result]) -> str:
    """The runs as Markdown; the hypervolume is that of the experiment's thresholds."""
    spec = load_experiment(EXPERIMENT.read_text()).spec
    reference = {o.metric: o.threshold for o in spec.objectives if o.threshold is not None}
    slowest = {seed: max(r.seconds for r in results if r.seed == seed) for seed in {r.seed for r in results}}
    lines = [
        f"{os.cpu_count()} cores, {PARALLELISM} trials at a time",
        "",
        "| | seed | seconds | of the slowest | hypervolume | Pareto set | best accuracy | failed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        share = result.seconds / slowest[result.seed]
        volume = hypervolume(spec, result.observed, reference)
        size = len(pareto_set(spec, result.observed))
        best = max(metrics["val_acc"] for metrics in result.observed)
        cells = [result.side, result.seed, f"{result.seconds:.0f}", f"{share:.2f}", f"{volume:.0f}", size]
        lines.append("| " + " | ".join(map(str, [*cells, f"{best:.4f}", result.failed])) + " |")
    return "\n".join(lines)


def _exists(path: Path | None) -> bool:
    return path is not None and path.exists()


if __name__ == "__main__":
    if shutil.which("python") is None:
        sys.exit("mnist: `python` is not on the PATH; activate the environment")
    main()
