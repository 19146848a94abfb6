"""The rule "optimistic dominance": stop a trial if even the best end that it can expect is dominated.

**The rule.** Let t be the step that a trial has reached, b(t) its cost so far, and F its final cost; the difference is
its gain g(t) = b(t) - F. Let G(t) be the largest gain from t on among n completed trials that went further, at least 0,
and the noise the median of their usual changes late in the curve. The trial's *bound* is L = b(t) - m * G(t) - noise,
where the factor m is `safety` for n = `minCurves` and falls to 1 as 1 / n; for a metric that is known, L is its cost.
The trial is stopped if a completed trial that keeps all thresholds and constraints costs at most L in every objective,
and less in one. It goes on before a tenth of the steps of the shortest of the n trials, and while
one of its curves falls faster than before: the start of a curve does not tell where a slow learner ends.

**What is certain.** By definition, F >= L if and only if g(t) <= m * G(t) + noise. Where that holds for every
objective, the trial that dominates L dominates F too. Since domination is transitive, a trial that was stopped would
not have joined the Pareto set, nor changed its hypervolume, whatever else is found later.

**What is probable.** If the running trial and the n completed ones are exchangeable, its gain is the largest of n + 1
with a chance of 1/(n + 1), for each objective. Only then can g(t) exceed G(t); the margin m - 1 and the noise lower the
chance, and m - 1 is largest where n is small and the chance is largest. A trial that goes on is never wrong.

This holds for whatever g is, as long as it is the same function of each curve, and so for every `reduce`:

- `Min` for a minimised metric (or `Max` for a maximised one): b is the best value so far, and no gain is negative.
- `Max` for a minimised metric (or `Min` for a maximised one): b is the worst value so far. It never improves, so every
  gain is at most 0, and F >= b(t) >= L is certain without any assumption.
- `Mean`: b is the mean so far, and the gain is what later values still change of it.
- `Last`: b is the best value so far, and the gain is how much better the last value is, which is negative for a trial
  that became worse. The newest value would do as well, but a trial at an outlier would be judged by that.

**What is not certain.** Stopping itself breaks the exchangeability: what is stopped has no gain to be counted. So a
share of the verdicts is only noted (`auditFraction`), and those trials run to their end. The search breaks it too, when
it turns to trials of another kind: ones that learn more slowly, or for longer. Where a parameter sets the length of a
trial, its last step should be given (`TrialCurves.last_step`).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from statistics import median

from paretonas.api import ExperimentSpec
from paretonas.api.early_stopping import EarlyStopping, Verdict
from paretonas.engine.early_stopping.curves import (
    CompletedTrials,
    Peer,
    Progress,
    TrialCurves,
    costs_of,
    dominates,
    measure_running,
)
from paretonas.engine.wording import count, pairs

LEAST_SHARE = 0.1
"""Of the steps of the shortest completed trial that it is compared with, the share that a trial must have made. On
curves of 50 epochs, nearly all wrong verdicts fell before that, and hardly anything is saved there."""


def describe_verdict(verdict: Verdict) -> str:
    """A verdict as a sentence for a person."""
    begin = "not stopped, to check the rule," if verdict.audit else "stopped"
    return (
        f"{begin} at step {verdict.step:,}: it could have reached {pairs(verdict.bound)} at best, as "
        f"{count(verdict.curves, 'completed trial')} show, and {verdict.dominated_by} has {pairs(verdict.dominating)}"
    )


def judge(
    spec: ExperimentSpec, settings: EarlyStopping, running: TrialCurves, completed: CompletedTrials
) -> Verdict | None:
    """Decide whether a running trial can be stopped.

    The answer is a function of these values alone: neither the order of the trials nor a restart changes it.

    Args:
        spec: The experiment.
        settings: Its settings of early stopping.
        running: The curves so far. A trial without a usable curve of an objective that is not known is not stopped.
        completed: The completed trials, prepared for `spec`.

    Returns:
        The verdict; None if the trial goes on.
    """
    progress = measure_running(spec, running, [o.metric for o in spec.objectives])
    if not progress:
        return None
    reached = {metric: curve.steps[-1] for metric, curve in progress.items()}
    step = max(reached.values())
    peers = completed.beyond(running, reached)
    if len(peers) < settings.min_curves or not _tells_its_end(settings, running, progress, peers):
        return None
    safety = 1 + (settings.safety - 1) * settings.min_curves / len(peers)
    bound = tuple(
        _bound(progress[o.metric], o.metric, peers, safety)
        if o.metric in progress
        else o.comparable(running.known[o.metric])
        for o in spec.objectives
    )
    found = completed.dominating(bound, running.trial)
    if found is None:
        return None
    last_step = min(peer.last_step for peer in peers) if running.last_step is None else running.last_step
    return Verdict(
        rule=settings.strategy,
        step=step,
        bound={o.metric: o.original(cost) for o, cost in zip(spec.objectives, bound, strict=True)},
        dominated_by=found.trial,
        dominating={o.metric: found.metrics[o.metric] for o in spec.objectives},
        curves=len(peers),
        steps_saved=last_step - step,
        audit=_is_audited(running.trial, settings.audit_fraction),
    )


def is_false_stop(spec: ExperimentSpec, verdict: Verdict, metrics: Mapping[str, float]) -> bool:
    """Whether a verdict was wrong: the trial ran to its end, and is not dominated by the trial that should dominate it.

    Args:
        spec: The experiment.
        verdict: A verdict that was only noted.
        metrics: The final metrics of its trial.
    """
    ours, theirs = costs_of(spec, metrics), costs_of(spec, verdict.dominating)
    return not (ours and theirs and dominates(theirs, ours))


def _tells_its_end(
    settings: EarlyStopping, running: TrialCurves, progress: Mapping[str, Progress], peers: Sequence[Peer]
) -> bool:
    """Whether a trial has logged enough, has steps left to save, and no curve of it falls faster than before."""
    if max(len(curve.steps) for curve in progress.values()) < settings.grace_steps:
        return False
    step = max(curve.steps[-1] for curve in progress.values())
    if step < LEAST_SHARE * min(peer.last_step for peer in peers):
        return False
    if running.last_step is not None and step >= running.last_step:
        return False
    return not any(curve.bends_down(_noise(metric, peers)) for metric, curve in progress.items())


def _bound(progress: Progress, metric: str, peers: Sequence[Peer], safety: float) -> float:
    """The lowest final cost to expect."""
    largest = max(0.0, *(peer.progress[metric].gain(progress.steps[-1]) for peer in peers))
    return progress.best[-1] - safety * largest - _noise(metric, peers)


def _noise(metric: str, peers: Sequence[Peer]) -> float:
    return median(peer.progress[metric].late_change for peer in peers)


def _is_audited(trial: str, fraction: float) -> bool:
    """Whether the verdicts of a trial are only noted: the same for every operator, and after every restart.

    The name decides, by a hash: its first 32 bits are a number from 0 to 1 that depends on nothing else.
    """
    return int.from_bytes(sha256(trial.encode()).digest()[:4]) < fraction * 2**32
