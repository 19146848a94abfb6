"""Objectives: what is optimised, and where the metrics are read from."""

import math
import sys
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from paretonas.api.base import Model, rule
from paretonas.api.formula import MAX_FORMULA
from paretonas.api.parameters import Name, Scale

Goal = Literal["Maximize", "Minimize"]
Reduce = Literal["Last", "Min", "Max", "Mean"]


class Objective(Model):
    """A metric to maximise or minimise."""

    metric: Name
    goal: Goal
    threshold: float | None = None
    """The worst value of interest, which is also this objective's coordinate of the reference point."""
    target: float | None = None
    """The value that is good enough: the experiment ends when one trial reaches every objective's target."""
    scale: Scale = "Linear"
    """Log for a metric that spans several decades; the search and the hypervolume then use its log10."""

    @model_validator(mode="after")
    def _log_needs_positive(self) -> "Objective":
        if self.scale == "Log" and self.threshold is not None and self.threshold <= 0:
            raise rule(
                "is not above 0, as a Log scale needs",
                remedy="make the threshold greater than 0, or use scale: Linear",
                field="threshold",
                value=self.threshold,
            )
        if self.scale == "Log" and self.target is not None and self.target <= 0:
            raise rule(
                "is not above 0, as a Log scale needs",
                remedy="make the target greater than 0, or use scale: Linear",
                field="target",
                value=self.target,
            )
        return self

    @model_validator(mode="after")
    def _target_within_threshold(self) -> "Objective":
        if self.target is None or self.threshold is None:
            return self
        if self.target < self.threshold if self.goal == "Maximize" else self.target > self.threshold:
            raise rule(
                f"is worse than the threshold ({repr(self.threshold).removesuffix('.0')})",
                remedy="make the target better than the threshold, or correct the threshold",
                field="target",
                value=self.target,
            )
        return self

    def comparable(self, value: float) -> float:
        """The metric's value as the search and the hypervolume use it: scaled, and smaller is better.

        Raises:
            ValueError: The scale is Log and the value is not positive.
        """
        scaled = math.log10(value) if self.scale == "Log" else value
        return -scaled if self.goal == "Maximize" else scaled

    def original(self, comparable: float) -> float:
        """The inverse of `comparable`; on a Log scale, limited to positive doubles."""
        scaled = -comparable if self.goal == "Maximize" else comparable
        if self.scale == "Linear":
            return scaled
        if scaled >= math.log10(sys.float_info.max):
            return sys.float_info.max
        return max(math.pow(10.0, scaled), math.ulp(0.0))


def _check_run(value: str) -> str:
    if value != "." and not {"", ".", ".."}.isdisjoint(value.split("/")):
        raise rule(
            "is not a folder below the log folder",
            remedy="write its path from there, such as fit/validation; . is the log folder itself",
        )
    return value


class MetricSource(Model):
    """Where a metric is found in a trial's TensorBoard logs, or how it is computed from the parameters."""

    name: Name
    tag: Annotated[str, Field(min_length=1, max_length=253)] = ""
    """The exact tag; the metric's name by default."""
    reduce: Reduce = "Last"
    run: Annotated[str, Field(max_length=253), AfterValidator(_check_run)] | None = None
    """The folder below the log folder, or the last parts of its path; ``.`` is the log folder itself.

    It is needed only if several folders contain the tag (docs/logs.md).
    """
    formula: Annotated[str, Field(min_length=1, max_length=MAX_FORMULA)] | None = None
    """Arithmetic over the parameters that gives the metric; it need not be logged then (docs/trial.md)."""
    tables: dict[Name, dict[str, float]] = Field(default_factory=dict)
    """Numbers by the values of a choice, by the name under which the formula looks them up: ``cost[cell]``."""
    when_inactive: dict[Name, float] = Field(default_factory=dict)
    """What each conditional parameter of the formula counts as while it is inactive, looked up or not."""

    @model_validator(mode="before")
    @classmethod
    def _default_tag(cls, data: object) -> object:
        if isinstance(data, dict) and "tag" not in data and isinstance(data.get("name"), str):
            return {**data, "tag": data["name"]}
        return data
