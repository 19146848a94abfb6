"""What is optimised, and where its values are read."""

import math
import sys
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from paretonas.api.base import Model, rule
from paretonas.api.parameters import Name, Scale

Goal = Literal["Maximize", "Minimize"]
Reduce = Literal["Last", "Min", "Max", "Mean"]


class Objective(Model):
    """One metric to push in one direction."""

    metric: Name
    goal: Goal
    threshold: float | None = None
    """The worst value that is still of interest: this objective's coordinate of the reference point."""
    scale: Scale = "Linear"
    """Log for a metric that spans decades: the search and the hypervolume then use its log10."""

    @model_validator(mode="after")
    def _log_needs_positive(self) -> "Objective":
        if self.scale == "Log" and self.threshold is not None and self.threshold <= 0:
            raise rule(
                "is not above 0, as a Log scale needs",
                remedy="make the threshold greater than 0, or use scale: Linear",
                field="threshold",
                value=self.threshold,
            )
        return self

    def comparable(self, value: float) -> float:
        """The metric's value as the search and the hypervolume see it: scaled, smaller is better.

        Raises:
            ValueError: a value that is not positive on a Log scale.
        """
        scaled = math.log10(value) if self.scale == "Log" else value
        return -scaled if self.goal == "Maximize" else scaled

    def original(self, comparable: float) -> float:
        """The inverse of `comparable`; the nearest positive double where a Log scale leads beyond them."""
        scaled = -comparable if self.goal == "Maximize" else comparable
        if self.scale == "Linear":
            return scaled
        if scaled >= math.log10(sys.float_info.max):
            return sys.float_info.max
        return max(math.pow(10.0, scaled), math.ulp(0.0))


def _check_run(value: str) -> str:
    if value != "." and not {"", ".", ".."}.isdisjoint(value.split("/")):
        raise rule(
            "is no folder below the log folder",
            remedy="write its path from there, as validation or fit/validation; . is the log folder itself",
        )
    return value


class MetricSource(Model):
    """Where a metric's value is found in the trial's TensorBoard logs."""

    name: Name
    tag: Annotated[str, Field(min_length=1, max_length=253)] = ""
    """The exact tag; the metric's name when not given."""
    reduce: Reduce = "Last"
    run: Annotated[str, Field(max_length=253), AfterValidator(_check_run)] | None = None
    """The folder below the log folder, or the last parts of its path; ``.`` is the log folder itself.

    Needed only where several folders hold the tag (docs/logs.md).
    """

    @model_validator(mode="before")
    @classmethod
    def _default_tag(cls, data: object) -> object:
        if isinstance(data, dict) and "tag" not in data and isinstance(data.get("name"), str):
            return {**data, "tag": data["name"]}
        return data
