"""What a user's retry means for a trial. Pure."""

from paretonas.api import NASTrial, Retry, UnreadableTrial


def retriable(trial: NASTrial, retry: Retry) -> bool:
    """Whether this retry runs the trial again.

    It does if the trial failed in an attempt of an earlier generation, even if that attempt was still running
    when the retry was requested. A known result had no attempt here, and a refused or unreadable trial gets
    none.
    """
    states = {"Failed", "Infeasible"} if retry.infeasible else {"Failed"}
    attempts = trial.status.attempts
    earlier = bool(attempts) and attempts[-1].retry_generation < retry.generation
    useless = trial.refused or isinstance(trial, UnreadableTrial)
    return trial.status.state in states and earlier and not useless


def retry_trial(trial: NASTrial, retry: Retry) -> NASTrial:
    """The trial, waiting for its next attempt, with its past ones; the same object if it is not retried."""
    if not retriable(trial, retry):
        return trial
    return trial.with_status(state="Pending", metrics={}, message="", conditions=())


def raise_retry(retry: Retry, *, infeasible: bool) -> Retry:
    """The next retry, which is one generation higher."""
    return Retry(generation=retry.generation + 1, infeasible=infeasible)
