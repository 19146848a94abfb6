"""The search as a pure function of the experiment and its known trials.

Importing this module imports torch, but not Ax (1.3 s instead of 3.5 s on an idle machine).
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from paretonas.api import ExperimentSpec
from paretonas.api.reasons import EndReason, NoMore
from paretonas.search.encoding.codes import Codes
from paretonas.search.initial import initial_trials
from paretonas.search.runtime import one_thread, quiet
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space
from paretonas.search.types import Candidate, KnownTrial, SearchError, Suggestion

MIN_OBSERVED = 2
"""The fewest results that the model needs: a standard deviation takes two."""
LONG_LOOK = 64
"""The number of points of the sequence, per known trial, to try before reporting `NothingNewFound`."""
REMEMBERED = 4
"""The number of spaces and of fitted models that are kept: enough for a few experiments that run at once and
ask ahead."""


def suggest_here(spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
    """Suggest candidates in this process, as `SearchWorker` does in a process of its own.

    The same known trials give the same candidates, whatever the order in which they are given or have ended.
    Two candidates are the same as one, and then another one with the first as a pending trial.

    Raises:
        SearchError: No point satisfies the constraints, or an observed trial lacks a metric.
    """
    start = time.perf_counter()
    with quiet(), one_thread(), torch.no_grad():
        sampler: Sampler = _remember((_identity(spec),), lambda: Sampler(Space(spec)))
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
    """Check that every observed trial has the metrics that the search needs. Raises SearchError."""
    for trial in trials:
        for metric in spec.needed_metrics if trial.state == "Observed" else ():
            value = trial.metrics.get(metric, math.nan)
            if not math.isfinite(value):
                raise SearchError(f"trial {trial.index} is observed without a finite {metric!r}")


def forget() -> None:
    """Forget all spaces and models that are kept, which only makes the next answers slower."""
    _memory.clear()


def _next(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The next point; None if none is found."""
    spec = sampler.space.spec
    alive = sum(trial.state != "Failed" for trial in trials)
    observed = sum(trial.state == "Observed" for trial in trials)
    initial = not sampler.space.columns or alive < initial_trials(spec) or observed < MIN_OBSERVED
    # the sequence may find what the model does not, because it goes on for longer
    return (None if initial else _from_model(sampler, trials)) or _quasi_random(sampler, trials)


def _quasi_random(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The first point of the seed's Sobol sequence that is not known yet."""
    space = sampler.space
    known = {space.key(trial.parameters) for trial in trials}
    for codes in _points_to_try(sampler, len(trials)):
        for code in codes:
            parameters = space.decode(code)
            if space.key(parameters) not in known and space.allows(parameters):
                return Candidate(parameters, "Sobol")
    return None


def _points_to_try(sampler: Sampler, known: int) -> Iterator[Codes]:
    """Points to try in turn: the start of the sequence; then more of it, or all points of a small discrete space."""
    if not sampler.space.columns:
        yield np.zeros((1, 0))
        return
    # more than are known, because in a discrete space the sequence repeats points
    yield sampler.sequence(4 * (known + 1))
    # the sequence may take long to reach the last points of a small space, and may never come near those of another
    yield sampler.sequence(LONG_LOOK * (known + 1)) if sampler.points is None else sampler.points


def _from_model(sampler: Sampler, trials: Sequence[KnownTrial]) -> Candidate | None:
    """The best point according to the model; None if the optimiser finds only known points."""
    from paretonas.search import model  # noqa: PLC0415 # imports Ax, seconds that the first candidates do not wait for

    ended = tuple(trial for trial in trials if trial.state != "Pending")
    data = tuple((t.index, sampler.space.key(t.parameters), t.state, tuple(sorted(t.metrics.items()))) for t in ended)
    fitted = _remember((_identity(sampler.space.spec), data), lambda: model.fit(sampler.space, ended))
    return model.best_candidate(fitted, sampler, trials)


def _no_more(sampler: Sampler, trials: Sequence[KnownTrial], *, stuck: bool) -> NoMore | None:
    """The reason why there is no further point, if there is none.

    Args:
        sampler: The points of the space.
        trials: The known trials, with those that were just suggested.
        stuck: Whether fewer points were found than requested.
    """
    space = sampler.space
    points = sampler.points if space.columns else np.zeros((1, 0))
    if points is not None and len(points) <= len(trials):
        known = {space.key(trial.parameters) for trial in trials}
        if all(space.key(space.decode(code)) in known for code in points):
            return EndReason.SEARCH_SPACE_EXHAUSTED
    return EndReason.NOTHING_NEW_FOUND if stuck else None


_memory: OrderedDict[tuple[object, ...], Any] = OrderedDict()


def _remember(key: tuple[object, ...], compute: Callable[[], Any]) -> Any:
    """Compute a pure function of the key, unless its value is among the last ones used."""
    if key not in _memory:
        _memory[key] = compute()
    _memory.move_to_end(key)
    while len(_memory) > 2 * REMEMBERED:  # each experiment has a space and a model
        _memory.popitem(last=False)
    return _memory[key]


def _identity(spec: ExperimentSpec) -> str:
    """A text that differs between experiments for which the search may answer differently."""
    return spec.model_dump_json(exclude={"trial"})
