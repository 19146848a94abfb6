"""What the model has learned about an experiment, as plain values: the input of the criterion."""

from dataclasses import dataclass

from torch import Tensor

from paretonas.search.gp import Hyperparameters


@dataclass(frozen=True)
class FittedOutcome:
    """The data of one metric, and what predicts it.

    Attributes:
        x: Features of the ended trials that have the metric, shape (n, features).
        y: The metric of each, on the scale of the model, shape (n,).
        groups: The length scale that each feature has, shape (features,).
        hyper: The fitted hyperparameters of a Gaussian process; None if the metric has a formula.
        metric: The metric, if it has a formula; "" otherwise.
    """

    x: Tensor
    y: Tensor
    groups: Tensor
    hyper: Hyperparameters | None
    metric: str = ""


@dataclass(frozen=True)
class OutcomeBound:
    """The constraint ``factor * outcome <= bound``.

    Attributes:
        outcome: The position of the outcome in `FittedExperiment.outcomes`.
        factor: The factor; not zero.
        bound: The bound.
    """

    outcome: int
    factor: float
    bound: float


@dataclass(frozen=True)
class FittedExperiment:
    """The fitted outcomes, and what is wanted of them.

    Attributes:
        outcomes: One for each metric that is an objective or has a bound.
        objectives: For each objective the position of its outcome, and the factor after which more is better.
        bounds: The outcome constraints.
        reference: The reference point after the factors, shape (objectives,); None with one objective.
        pending: Features of the pending trials, shape (pending, features).
    """

    outcomes: list[FittedOutcome]
    objectives: list[tuple[int, float]]
    bounds: list[OutcomeBound]
    reference: Tensor | None
    pending: Tensor
