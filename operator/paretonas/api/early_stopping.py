"""When a running trial is stopped before its end, and what is stored of that."""

from typing import Annotated, Literal

from pydantic import Field

from paretonas.api.base import Model, Whole
from paretonas.api.parameters import Name

Strategy = Literal["OptimisticDominance"]
"""The rule that reaches the verdicts."""


class EarlyStopping(Model):
    """The settings of early stopping (docs/adr/0023-early-stopping.md)."""

    strategy: Strategy
    min_curves: Annotated[Whole, Field(ge=1, le=1000)] = 8
    """The number of completed trials that a bound is taken from, at least. With n of them, the chance that a trial does
    better than a bound with `safety` 1 is at most 1 in n + 1 for each objective, if trials are alike."""
    grace_steps: Annotated[Whole, Field(ge=1, le=900)] = 1
    """The number of steps that a trial must have logged before it can be stopped; a long curve is thinned to 900. A
    tenth of the steps of the shortest trial that it is compared with must be over in any case."""
    safety: Annotated[float, Field(ge=1, le=100)] = 1.25
    """The factor on the largest gain that a completed trial still made from the same step on, if `minCurves` trials
    tell one. Its part above 1 falls as they become more: with twice as many it is half."""
    audit_fraction: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of trials whose verdicts are only noted. They run to their end, so that wrong verdicts can be counted,
    and so that not only good trials have complete curves."""
    last_step: Name | None = None
    """The metric, one with a formula, that gives the last step that a trial will log. It is needed only where a
    parameter sets the length of a trial; otherwise a trial is taken to be as long as completed ones."""


class Verdict(Model):
    """A running trial cannot join the Pareto set; stored before its job is stopped."""

    rule: str
    """The `Strategy` that says so. A word that this version does not know is kept."""
    step: Whole
    """The last step that the trial had logged."""
    bound: dict[str, float]
    """The best final value of each objective that it could expect."""
    dominated_by: str
    """The name of a completed trial that dominates the bound."""
    dominating: dict[str, float]
    """That trial's values of the objectives."""
    curves: Whole
    """The number of completed trials that the bound is taken from."""
    steps_saved: Whole
    """The number of steps that the trial would still have made, at least."""
    audit: bool = False
    """Whether the verdict is only noted, and the trial runs to its end (`EarlyStopping.audit_fraction`)."""


class Savings(Model):
    """What early stopping has saved."""

    steps: Whole
    """The steps that stopped trials would still have made, at least."""
    share: float
    """Their share of all steps that would have been made without early stopping, from 0 to 1."""


class Audits(Model):
    """The verdicts on trials that ran to their end all the same."""

    trials: Whole
    """The number of such trials with a result."""
    false_stops: Whole
    """The number of those that their verdict's trial does not dominate: stopping them would have been wrong."""
