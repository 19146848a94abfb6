"""The search as a pure function of the experiment and its known trials."""

import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from ax.adapter.torch import TorchAdapter
from ax.adapter.transforms.standardize_y import StandardizeY
from ax.core.observation import ObservationFeatures
from ax.exceptions.core import SearchSpaceExhausted

from paretonas.api import ExperimentSpec
from paretonas.search.encode import Encode
from paretonas.search.initial import initial_trials
from paretonas.search.model import generator
from paretonas.search.optimize import SCATTERED, identity
from paretonas.search.problem import ax_point, experiment, measured, optimization_config
from paretonas.search.sampling import scatter
from paretonas.search.space import Space
from paretonas.search.types import Candidate, KnownTrial, SearchError, Suggestion

MIN_OBSERVED = 2
"""Results that the model needs: a standard deviation."""


def suggest_here(spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
    """Suggest in this process; what `SearchWorker` does in its own.

    The same known trials give the same candidates, in whatever order they are given or ended. Asking for two is asking for one,
    storing it as pending, and asking for one more.

    Raises:
        SearchError: no point keeps the constraints, or the known trials do not fit the experiment.
    """
    start = time.perf_counter()
    with _one_thread():
        space = Space(spec)
        trials = sorted(known, key=lambda trial: trial.index)
        found: list[Candidate] = []
        for _ in range(count):
            candidate = _next(space, trials)
            if candidate is None:
                break
            found.append(candidate)
            index = trials[-1].index + 1 if trials else 0
            trials.append(KnownTrial(index, candidate.parameters, "Pending"))
    return Suggestion(tuple(found), _exhausted(space, trials), time.perf_counter() - start)


def _next(space: Space, trials: Sequence[KnownTrial]) -> Candidate | None:
    """One more point; None when there is none left."""
    spec = space.spec
    alive = sum(trial.state != "Failed" for trial in trials)
    observed = sum(trial.state == "Observed" for trial in trials)
    if not space.columns or alive < initial_trials(spec) or observed < MIN_OBSERVED:
        return _quasi_random(space, trials)
    return _from_model(space, trials)


def _quasi_random(space: Space, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The first point of the seed's Sobol sequence that is not known yet."""
    known = {space.key(trial.parameters) for trial in trials}
    if space.columns:
        codes = scatter(space, space.spec.search.seed, len(trials) + 1)
        if space.points is not None:  # the sequence may take long to meet the last points of a small space
            codes = np.concatenate([codes, space.points])
    else:
        codes = np.zeros((1, 0))
    for code in codes:
        parameters = space.decode(code)
        if space.key(parameters) not in known and space.allows(parameters):
            return Candidate(parameters, "Sobol")
    return None


def _from_model(space: Space, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The point that Ax's generator finds best."""
    seed = [space.spec.search.seed, len(trials)]
    ended = [trial for trial in trials if trial.state != "Pending"]
    adapter = _adapter(space, ended)
    pending = [ObservationFeatures(ax_point(space, t.parameters)) for t in trials if t.state == "Pending"]
    options = {
        "space": space,
        "seed": seed,
        "avoid": set(map(identity, space.encode([trial.parameters for trial in trials]))),
        "scattered": space.points if space.points is not None else scatter(space, _draw(seed), SCATTERED),
    }
    try:
        run = adapter.gen(
            1,
            pending_observations={metric: pending for metric in adapter.outcomes},
            model_gen_options={"optimizer_kwargs": options},
        )
    except SearchSpaceExhausted:
        return None
    point = space.spec.cast(run.arms[0].parameters)
    parameters = {name: value for name, value in point.items() if space.active(name, point)}
    if not space.allows(parameters):
        raise SearchError(f"the search made a point that breaks a parameter constraint: {parameters}")
    return Candidate(parameters, "BayesianOptimization")


def _adapter(space: Space, ended: Sequence[KnownTrial]) -> TorchAdapter:
    """Ax's adapter, fitted to the ended trials."""
    config = optimization_config(
        space.spec, _reference(space.spec, ended), failures=any(trial.state == "Failed" for trial in ended)
    )
    ax_experiment, data = experiment(space, ended, config)
    return TorchAdapter(
        experiment=ax_experiment,
        data=data,
        generator=generator(space),
        transforms=[Encode, StandardizeY],
        transform_configs={"Encode": {"space": space}},
        expand_model_space=False,
        fit_tracking_metrics=False,
    )


def _reference(spec: ExperimentSpec, ended: Sequence[KnownTrial]) -> list[float]:
    """Per objective, the worst value of interest as it is modelled: the threshold, or else the worst value seen."""
    reference = []
    for objective in spec.objectives:
        seen = [t.metrics[objective.metric] for t in ended if t.state == "Observed"]
        worst = max(seen, key=objective.comparable) if objective.threshold is None else objective.threshold
        reference.append(measured(objective, worst))
    return reference


def _exhausted(space: Space, trials: Sequence[KnownTrial]) -> bool:
    """Whether every point of the space is known."""
    if space.columns and space.points is None:
        return False
    codes = np.zeros((1, 0)) if space.points is None else space.points
    known = {space.key(trial.parameters) for trial in trials}
    return all(space.key(space.decode(code)) in known for code in codes)


def _draw(seed: list[int]) -> int:
    return int(np.random.default_rng(seed).integers(2**31))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums in the same order in every process, hence the same bits; and for these sizes one thread is faster."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)
