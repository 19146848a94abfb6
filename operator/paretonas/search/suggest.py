"""The search as a pure function of the experiment and its known trials."""

import math
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from ax.adapter.torch import TorchAdapter
from ax.exceptions.core import SearchSpaceExhausted

from paretonas.api import ExperimentSpec
from paretonas.search.encoding.codes import Codes
from paretonas.search.initial import initial_trials
from paretonas.search.model import generator
from paretonas.search.problem import experiment, pending_features, point_of
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space
from paretonas.search.types import Candidate, KnownTrial, NoMore, SearchError, Suggestion

MIN_OBSERVED = 2
"""Results that the model needs: a standard deviation."""
LONG_LOOK = 64
"""Points of the sequence for each known trial that are looked at before nothing new is said to be found."""
REMEMBERED = 4
"""Spaces and fitted models that are kept: with asking ahead, a few experiments that run at once."""


def suggest_here(spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
    """Suggest in this process; what `SearchWorker` does in its own.

    The same known trials give the same candidates, in whatever order they are given or ended. Asking for two is
    asking for one, storing it as pending, and asking for one more.

    Raises:
        SearchError: no point keeps the constraints, or an observed trial lacks a metric.
    """
    start = time.perf_counter()
    with _one_thread():
        sampler: Sampler = _remembered((_identity(spec),), lambda: Sampler(Space(spec)))
        trials = sorted(known, key=lambda trial: trial.index)
        _check(spec, trials)
        found: list[Candidate] = []
        for _ in range(count):
            candidate = _next(sampler, trials)
            if candidate is None:
                break
            found.append(candidate)
            index = trials[-1].index + 1 if trials else 0
            trials.append(KnownTrial(index, candidate.parameters, "Pending"))
        no_more = _no_more(sampler, trials, stuck=len(found) < count)
    return Suggestion(tuple(found), no_more, time.perf_counter() - start)


def _check(spec: ExperimentSpec, trials: Sequence[KnownTrial]) -> None:
    for trial in trials:
        for metric in spec.needed_metrics if trial.state == "Observed" else ():
            value = trial.metrics.get(metric, math.nan)
            if not math.isfinite(value):
                raise SearchError(f"trial {trial.index} is observed without a finite {metric!r}")


def forget() -> None:
    """Drop what is remembered. It never changes an answer, only how long it takes."""
    _memory.clear()


def _next(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """One more point; None when none is found."""
    spec = sampler.space.spec
    alive = sum(trial.state != "Failed" for trial in trials)
    observed = sum(trial.state == "Observed" for trial in trials)
    initial = not sampler.space.columns or alive < initial_trials(spec) or observed < MIN_OBSERVED
    # what the model does not find, the sequence may: it goes on for longer
    return (None if initial else _from_model(sampler, trials)) or _quasi_random(sampler, trials)


def _quasi_random(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The first point of the seed's Sobol sequence that is not known yet."""
    space = sampler.space
    known = {space.key(trial.parameters) for trial in trials}
    for codes in _looked_at(sampler, len(trials)):
        for code in codes:
            parameters = space.decode(code)
            if space.key(parameters) not in known and space.allows(parameters):
                return Candidate(parameters, "Sobol")
    return None


def _looked_at(sampler: Sampler, known: int) -> Iterator[Codes]:
    """Points to try in turn: a sequence, and of a small discrete space all."""
    if not sampler.space.columns:
        yield np.zeros((1, 0))
        return
    # some to spare: in a discrete space the sequence comes back to a point
    yield sampler.sequence(4 * (known + 1))
    # it may take long to meet the last points of a small space, and it may not come near an unlisted one's
    yield sampler.sequence(LONG_LOOK * (known + 1)) if sampler.points is None else sampler.points


def _from_model(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The point that Ax's generator finds best; None where it finds only known ones."""
    space = sampler.space
    seed = [space.spec.search.seed, len(trials)]
    ended = tuple(trial for trial in trials if trial.state != "Pending")
    data = tuple((t.index, space.key(t.parameters), t.state, tuple(sorted(t.metrics.items()))) for t in ended)
    adapter: TorchAdapter = _remembered((_identity(space.spec), data), lambda: _adapter(space, ended))
    pending = pending_features(space, trials)
    draw = int(np.random.default_rng(seed).integers(2**31))
    options = {
        "sampler": sampler,
        "seed": seed,
        "avoid": set(space.identities(space.encode([trial.parameters for trial in trials]))),
        "scattered": sampler.scatter(draw) if sampler.points is None else sampler.points,
    }
    try:
        run = adapter.gen(
            1,
            pending_observations=dict.fromkeys(adapter.outcomes, pending),
            model_gen_options={"optimizer_kwargs": options},
        )
    except SearchSpaceExhausted:
        return None
    parameters = point_of(space, run.arms[0])
    if not space.allows(parameters):
        raise SearchError(f"the search made a point that breaks a parameter constraint: {parameters}")
    return Candidate(parameters, "BayesianOptimization")


def _adapter(space: Space, ended: Sequence[KnownTrial]) -> TorchAdapter:
    """Ax's adapter, fitted to the ended trials."""
    ax_experiment, data = experiment(space, ended)
    return TorchAdapter(
        experiment=ax_experiment,
        data=data,
        generator=generator(space),
        transforms=[],  # `experiment` has its features and scales already
        expand_model_space=False,
        fit_tracking_metrics=False,
    )


def _no_more(sampler: Sampler, trials: Sequence[KnownTrial], *, stuck: bool) -> NoMore | None:
    """Why there is no further point; ``stuck``: whether none was found."""
    space = sampler.space
    points = sampler.points if space.columns else np.zeros((1, 0))
    if points is not None and len(points) <= len(trials):
        known = {space.key(trial.parameters) for trial in trials}
        if all(space.key(space.decode(code)) in known for code in points):
            return NoMore.SEARCH_SPACE_EXHAUSTED
    return NoMore.NOTHING_NEW_FOUND if stuck else None


_memory: OrderedDict[tuple[object, ...], Any] = OrderedDict()


def _remembered(key: tuple[object, ...], compute: Callable[[], Any]) -> Any:
    """The value of a pure function of the key, computed again only when it was not used lately."""
    if key not in _memory:
        _memory[key] = compute()
    _memory.move_to_end(key)
    while len(_memory) > 2 * REMEMBERED:  # a space and a model each
        _memory.popitem(last=False)
    return _memory[key]


def _identity(spec: ExperimentSpec) -> str:
    """Everything of the experiment that the search depends on, and more."""
    return spec.model_dump_json(exclude={"trial"})


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
