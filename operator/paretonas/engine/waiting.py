"""Whether an experiment waits because none of its trials starts. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from paretonas.api import NASTrial, list_names
from paretonas.api.reasons import Hindrance
from paretonas.engine.trouble import Trouble
from paretonas.jobs.job import Job, Phase

PATIENCE: Final = timedelta(minutes=1)
"""How long nothing may run before it is reported. A pod that has its image usually starts within seconds."""

_NAMES: Final = 3
"""The most trials that are named with one reason; all of them have it in their own message."""


def find_wait(trials: Sequence[NASTrial], jobs: Mapping[str, Job], now: datetime) -> Trouble | None:
    """What the trials of an experiment wait for, if none of them has run for a minute; None otherwise.

    Args:
        trials: all trials, up to date with their jobs.
        jobs: the jobs of open attempts by name, without those that do not exist.
        now: the current time.
    """
    waiting: dict[str, list[str]] = {}
    since, last_run = now, datetime.min.replace(tzinfo=now.tzinfo)
    for trial in trials:
        for attempt in trial.status.attempts:
            if attempt.start_time is not None:
                last_run = max(last_run, attempt.end_time or now)
        job = jobs.get(trial.attempt.job) if trial.attempt else None
        if job is not None and job.phase is Phase.PENDING and job.created is not None:
            since = min(since, job.created)
            waiting.setdefault(trial.status.message or "no reason is known", []).append(trial.name)
    if not waiting or now - max(since, last_run) < PATIENCE:
        return None
    reasons = "; ".join(f"{list_names(names, _NAMES)}: {why}" for why, names in waiting.items())
    return Trouble(Hindrance.TRIALS_WAITING, f"no trial has run for more than a minute; {reasons}")
