"""When a running trial is stopped before its end."""

from typing import Annotated, Literal

from pydantic import Field

from paretonas.api.base import Model, Whole

Strategy = Literal["OptimisticDominance"]
"""The rule that reaches the verdicts."""


class EarlyStopping(Model):
    """The settings of early stopping (docs/adr/0023-early-stopping.md)."""

    strategy: Strategy
    min_curves: Annotated[Whole, Field(ge=1, le=1000)] = 8
    """The number of completed trials that a bound is taken from, at least. With n of them, the chance that a trial does
    better than a bound with `safety` 1 is at most 1 in n + 1 for each objective, if trials are alike."""
    grace_steps: Annotated[Whole, Field(ge=1)] = 3
    """The number of steps that a trial must have logged before it can be stopped."""
    safety: Annotated[float, Field(ge=1, le=100)] = 1.25
    """The factor on the largest gain that a completed trial still made from the same step on."""
    audit_fraction: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of trials whose verdicts are only noted. They run to their end, so that wrong verdicts can be counted,
    and so that not only good trials have complete curves."""
