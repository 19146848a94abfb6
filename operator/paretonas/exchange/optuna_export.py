"""An experiment as a study of Optuna, which optuna-dashboard opens."""

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paretonas.api import (
    Domain,
    ExperimentSpec,
    Fixed,
    FloatRange,
    IntRange,
    NASExperiment,
    NASTrial,
    Scalar,
    TrialState,
)
from paretonas.exchange.errors import ExchangeError
from paretonas.extras import Extra, require_module

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

SQLITE = "sqlite:///"

Curve = Sequence[tuple[int, float]]
"""(step, value) by step."""


def export_study(
    experiment: NASExperiment, trials: Sequence[NASTrial], curves: Mapping[str, Curve], storage: str
) -> int:
    """Write an experiment as a new study of Optuna that has its name.

    Values are those of the objectives; all metrics are user attributes. Thresholds and outcome constraints become
    constraints in the form that optuna-dashboard reads.

    Args:
        experiment: The experiment.
        trials: Its trials, in index order; the number of a trial of Optuna is its position. Refused ones are left out.
        curves: The learning curve of each trial, by its name: the intermediate values.
        storage: The URL of the study's storage; ``sqlite:///study.db`` writes a new file.

    Returns:
        The number of trials in the study.

    Raises:
        MissingExtra: Optuna is not installed.
        ExchangeError: The storage cannot be written, or has such a study already.
    """
    require_module("optuna", Extra.OPTUNA)
    import optuna  # noqa: PLC0415 # after the check

    frozen = [_frozen(experiment.spec, t, curves.get(t.name, ())) for t in trials if not t.refused]
    directions = [optuna.study.StudyDirection[o.goal.upper()] for o in experiment.spec.objectives]
    with _new_file(storage) as url, quiet_optuna():
        try:
            study = optuna.create_study(storage=url, study_name=experiment.name, directions=directions)
            study.set_metric_names([o.metric for o in experiment.spec.objectives])
            study.add_trials(frozen)
        except optuna.exceptions.DuplicatedStudyError:
            raise ExchangeError(
                f"{storage} has a study {experiment.name!r} already; delete it, or choose another storage"
            ) from None
        except Exception as error:  # whatever SQLAlchemy and the driver raise
            raise ExchangeError(f"cannot write {storage}: {' '.join(str(error).split()):.300}") from error
    return len(frozen)


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Suppress the lines that Optuna logs, and its warnings about what is experimental."""
    import optuna  # noqa: PLC0415 # an extra

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def _new_file(storage: str) -> Iterator[str]:
    """The storage to write to. A new file of SQLite appears only when it is complete."""
    if not storage.startswith(SQLITE):
        if "://" not in storage:
            raise ExchangeError(f"{storage!r} is not a storage; write it as {SQLITE}study.db")
        yield storage
        return
    file = Path(storage.removeprefix(SQLITE))
    if file.exists():
        raise ExchangeError(f"{file} exists already; delete it, or choose another file")
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield f"{SQLITE}{part}"
        part.rename(file)
    except OSError as error:
        raise ExchangeError(f"cannot write {file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _frozen(spec: ExperimentSpec, trial: NASTrial, curve: Curve) -> "FrozenTrial":
    from optuna.trial import TrialState as Optunas  # noqa: PLC0415 # as above
    from optuna.trial import create_trial  # noqa: PLC0415 # as above

    state = getattr(Optunas, _STATES[trial.status.state])
    complete = state == Optunas.COMPLETE
    metrics, point = trial.status.metrics, spec.cast(trial.spec.parameters)
    domains = {p.name: p.domain for p in spec.parameters if p.name in point}
    frozen = create_trial(
        state=state,
        values=[metrics[o.metric] for o in spec.objectives] if complete else None,
        params={name: point[name] for name in domains},
        distributions={name: distribution(domain) for name, domain in domains.items()},
        user_attrs={
            "trial": trial.name,
            "origin": trial.spec.origin,
            **metrics,
            **({"message": trial.status.message} if trial.status.message else {}),
        },
        # the list that optuna-dashboard reads; the keys that Optuna 5 writes itself are invisible to it
        system_attrs={"constraints": violations(spec, metrics)} if complete else {},
        intermediate_values=dict(curve),
    )
    attempts = trial.status.attempts
    started = _local(attempts[0].start_time) if attempts else None
    ended = _local(attempts[-1].end_time) if attempts else None
    frozen.datetime_start = started if attempts or not trial.ended else frozen.datetime_start
    if trial.ended and ended is not None:
        frozen.datetime_complete = ended
    return frozen


_STATES: Mapping[TrialState, str] = {
    "Pending": "WAITING",
    "Running": "RUNNING",
    "Succeeded": "COMPLETE",
    "Failed": "FAIL",
    "EarlyStopped": "PRUNED",
    "Infeasible": "FAIL",
}


def violations(spec: ExperimentSpec, metrics: Mapping[str, float]) -> list[float]:
    """How far each threshold and each outcome constraint is broken; 0 or less where it is kept."""
    limits = [
        (metrics[o.metric] - o.threshold) * (1 if o.goal == "Minimize" else -1)
        for o in spec.objectives
        if o.threshold is not None
    ]
    return limits + [(metrics[c.metric] - c.bound) * (1 if c.upper else -1) for c in spec.outcomes]


def distribution(domain: Domain) -> "BaseDistribution":
    """The distribution of Optuna with the values of a domain."""
    from optuna.distributions import (  # noqa: PLC0415 # as above
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(domain, IntRange | FloatRange):
        make: Callable[..., Any] = IntDistribution if isinstance(domain, IntRange) else FloatDistribution
        if domain.step is not None:  # which Optuna has on linear scales alone
            return make(domain.min, domain.value((domain.count or 1) - 1), step=domain.step)  # type: ignore[no-any-return]
        return make(domain.min, domain.max, log=domain.scale == "Log")  # type: ignore[no-any-return]
    values: Sequence[Scalar] = [domain.value] if isinstance(domain, Fixed) else list(domain.values)
    return CategoricalDistribution(values)


def _local(time: datetime | None) -> datetime | None:
    """A time as Optuna stores it: without a zone, in the zone of this machine."""
    return None if time is None else time.astimezone().replace(tzinfo=None)
