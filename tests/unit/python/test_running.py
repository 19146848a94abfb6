import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.local.seeded import SeededSearch

import paretonas as pn
from paretonas import extras
from paretonas.api import InvalidDocument
from paretonas.backends.local.store import StoreError
from paretonas.cli import run as runner
from paretonas.extras import MissingExtra
from paretonas.python.functions import digest


@pytest.fixture(autouse=True)
def seeded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SearchWorker", SeededSearch)


ONE_FAILURE = {"retries": 0, "afterTrials": 1}


def mine(**fields: Any) -> pn.Experiment:
    given = {
        "objectives": [pn.maximize("acc", threshold=0.0), pn.minimize("params", threshold=1e12)],
        "parameters": [pn.Float("x", 0, 1)],
        "failurePolicy": {"retries": 0},
    }
    trials = fields.get("max_trials", 3)
    return pn.Experiment("mine", **{"max_trials": trials, "parallelism": min(trials, 3), **given, **fields})


def result(parameters: dict[str, Any]) -> dict[str, float]:
    return {"acc": 1 - parameters["x"], "params": 123456789.123}


def only_message(run: pn.Run) -> str:
    [message] = set(run.trials["message"])
    return str(message).splitlines()[-1]


def test_a_function_is_called_once_for_each_trial_in_a_process_of_its_own(tmp_path: Path):
    here = os.getpid()

    def f(parameters: dict[str, Any]) -> dict[str, float]:
        assert os.getpid() != here
        (tmp_path / str(os.getpid())).touch()
        return result(parameters)

    run = pn.run(mine(), f, runs=tmp_path / "runs")
    assert run.succeeded
    assert len(list(tmp_path.glob("[0-9]*"))) == 3
    assert run.trials["acc"].tolist() == pytest.approx((1 - run.trials["x"]).tolist(), abs=1e-15)
    assert set(run.trials["params"]) == {123456789.123}, "in double precision"


def test_a_generator_gives_curves(tmp_path: Path):
    def f(_):
        for step in range(4):
            yield {"acc": step / 4}
        yield {"params": 5}

    run = pn.run(mine(), f, runs=tmp_path)
    assert run.curves("acc").loc["mine-1"].to_dict() == {1: 0.0, 2: 0.25, 3: 0.5, 4: 0.75}
    assert set(run.trials["params"]) == {5}


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "the function returned None, which is not a dict of metrics, as {'acc': 0.97}"),
        ({"accuracy": 1}, "the function returned no 'acc', only 'accuracy'; return a dict with acc, params"),
        ({}, "the function returned no 'acc', only nothing; return a dict with acc, params"),
        ({"acc": "0.9", "params": 1}, "the function returned '0.9' for 'acc', which is not a number"),
        ({"acc": None, "params": 1}, "the function returned None for 'acc', which is not a number"),
        ({"acc": 10**400, "params": 1}, "for 'acc', which is not a number"),
    ],
)
def test_what_is_no_result_is_said_in_the_message_of_the_trial(tmp_path: Path, returned, message):
    run = pn.run(mine(max_trials=1, failurePolicy=ONE_FAILURE), lambda _: returned, runs=tmp_path)
    assert run.succeeded is False
    assert only_message(run).endswith(message)


def test_an_exception_is_shown_with_the_trial(tmp_path: Path):
    def f(_):
        raise ValueError("width must be even")

    run = pn.run(mine(max_trials=1), f, runs=tmp_path)
    assert only_message(run) == "ValueError: width must be even"


def test_nan_is_an_infeasible_trial(tmp_path: Path):
    run = pn.run(mine(max_trials=1), lambda _: {"acc": float("nan"), "params": 1}, runs=tmp_path)
    assert run.trials["state"].tolist() == ["Infeasible"]


def test_a_finished_run_is_not_run_again(tmp_path: Path):
    pn.run(mine(), result, runs=tmp_path)
    before = (tmp_path / "mine" / "experiment.json").stat().st_mtime_ns
    assert pn.run(mine(), result, runs=tmp_path).succeeded
    assert pn.run(mine(), runs=tmp_path).succeeded, "the function is stored"
    assert (tmp_path / "mine" / "experiment.json").stat().st_mtime_ns == before
    assert len(pn.run(mine(max_trials=5), result, runs=tmp_path).trials) == 5, "more trials continue it"


def test_results_of_another_version_of_the_function_are_not_mixed(tmp_path: Path):
    pn.run(mine(), result, runs=tmp_path)
    with pytest.raises(StoreError, match=r"has 3 results of another version of the function.*paretonas delete mine"):
        pn.run(mine(max_trials=4), lambda p: {"acc": p["x"], "params": 1}, runs=tmp_path)


def test_a_function_that_has_given_no_result_may_be_mended(tmp_path: Path):
    pn.run(mine(max_trials=1), lambda _: None, runs=tmp_path)
    run = pn.run(mine(max_trials=4, failurePolicy={"retries": 0, "maxFailureRatio": 1.0}), result, runs=tmp_path)
    assert run.trials["state"].tolist() == ["Failed", "Succeeded", "Succeeded", "Succeeded"]


def test_the_digest_follows_the_code_and_the_plain_values_that_it_uses():
    def make(factor: float, source: str = "def f(p): return {'acc': g(p) * K}") -> Any:
        space: dict[str, Any] = {"__name__": "__main__", "K": factor}
        exec(f"def g(p): return p['x']\n{source}", space)  # noqa: S102 # as a notebook does
        return space["f"]

    assert digest(make(1.0)) == digest(make(1.0))
    assert digest(make(1.0)) == digest(make(1.0, "\n\n# a comment\ndef f(p):\n  return {'acc': g(p) * K}"))
    assert digest(make(1.0)) != digest(make(2.0))
    assert digest(make(1.0)) != digest(make(1.0, "def f(p): return {'acc': g(p) + K}"))
    assert digest(functools.partial(make(1.0), y=1)) != digest(functools.partial(make(1.0), y=2))
    assert digest(make(1.0, "def f(p): return p in {'a', 'b', 'c'}")) == digest(
        make(1.0, "def f(p): return p in {'c', 'b', 'a'}")
    )


@pytest.mark.parametrize(
    ("experiment", "function", "message"),
    [
        (mine(), None, "spec.trial.command: is required; add trial=pn.Trial(command=[…]), or pass a function"),
        (mine(trial=pn.Trial(["true"])), result, "spec.trial.command: would not be used, since a function is given"),
        (mine(), "train.py", "function: \"'train.py'\": is not a function"),
        (mine(suspend=True), result, "spec.suspend: true: leaves a local run with nothing to do"),
        (mine(trial=pn.Trial(["no-such-program"])), None, 'spec.trial.command[0]: "no-such-program": is not a program'),
    ],
)
def test_what_cannot_be_run_is_an_invalid_document_and_nothing_is_created(
    tmp_path: Path, experiment, function, message
):
    with pytest.raises(InvalidDocument) as caught:
        pn.run(experiment, function, runs=tmp_path)
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "mine" / "experiment.json").exists()


def test_a_function_with_a_lock_is_refused_in_one_sentence(tmp_path: Path):
    lock = threading.Lock()
    with pytest.raises(InvalidDocument) as caught:
        pn.run(mine(), lambda _: {"acc": float(lock.locked())}, runs=tmp_path)
    assert str(caught.value).startswith(
        "function: cannot be sent to a process of its own: cannot pickle '_thread.lock'"
    )
    assert "\n" not in str(caught.value)


def test_a_file_is_run_like_an_experiment(tmp_path: Path):
    script = tmp_path / "train.py"
    script.write_text("import sys\nsys.exit('no data')")
    trial = pn.Trial([sys.executable, script])
    (tmp_path / "mine.yaml").write_text(mine(trial=trial, max_trials=1).to_yaml())
    run = pn.run(tmp_path / "mine.yaml", runs=tmp_path / "runs")
    assert only_message(run) == "no data"
    with pytest.raises(StoreError, match=r"cannot read .*nope.yaml: No such file"):
        pn.run(tmp_path / "nope.yaml")


def test_another_experiment_of_the_name_is_refused_in_the_words_of_python(tmp_path: Path):
    pn.run(mine(), result, runs=tmp_path)
    with pytest.raises(StoreError, match=r"holds 'mine' with other parameters: .* or give another runs=$"):
        pn.run(mine(parameters=[pn.Float("x", 0, 2)]), result, runs=tmp_path)


def test_in_another_thread_it_runs_too(tmp_path: Path):
    found = []
    thread = threading.Thread(target=lambda: found.append(pn.run(mine(), result, runs=tmp_path)))
    thread.start()
    thread.join()
    assert found[0].succeeded


def test_without_the_search_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torchx" else name)
    with pytest.raises(MissingExtra, match=r"^this needs paretonas\[local\] \(torchx is not installed\)"):
        pn.run(mine(), result, runs=tmp_path)


NOTEBOOK = """
import helpers
EPOCHS = 2
class Network:
    def train(self, x): return {"acc": helpers.quality(x) * EPOCHS, "params": 7}
exp = pn.Experiment("nb", objectives=[pn.maximize("acc"), pn.minimize("params")],
                    parameters=[pn.Float("x", 0, 1)], max_trials=2, parallelism=2)
"""


@pytest.mark.parametrize("ipython", [True, False], ids=["notebook", "script"])
@pytest.mark.parametrize("function", ["lambda p: Network().train(p['x'])", "f"], ids=["lambda", "def"])
def test_a_function_of_a_notebook_or_a_script_finds_all_that_it_uses(tmp_path: Path, ipython: bool, function: str):
    (tmp_path / "helpers.py").write_text("def quality(x): return x\n")
    head = (
        "import paretonas as pn\nfrom paretonas.cli import run as runner\nfrom tests.local.seeded import SeededSearch\n"
    )
    cells = [
        head + "runner.SearchWorker = SeededSearch\n",
        NOTEBOOK + "def f(p):\n    return Network().train(p['x'])\n",
        f"print('GOT', sorted(pn.run(exp, {function}).trials['params']))\n",
    ]
    if ipython:
        shell = "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        script = shell + f"for cell in {cells!r}:\n    shell.run_cell(cell).raise_error()\n"
    else:
        script = "\n".join(cells)  # with no guard around what it does
    (tmp_path / "search.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [sys.executable, "search.py"], cwd=tmp_path, capture_output=True, text=True, check=False, env=environment
    )
    assert "GOT [7.0, 7.0]" in done.stdout, done.stdout + done.stderr
    stored = json.loads((tmp_path / "runs" / "nb" / "function.json").read_text())
    assert stored["needed"] == ["acc", "params"]
