"""Texts that more than one part of the page shows."""

from collections.abc import Iterable
from html import escape

from paretonas.api import NASTrial, Objective
from paretonas.engine.words import value


def goals(objectives: Iterable[Objective]) -> str:
    """What is optimised: ``maximize val_acc, minimize num_params``."""
    return ", ".join(f"{o.goal.lower()} {o.metric}" for o in objectives)


def hover(trial: NASTrial) -> str:
    """All of a trial's values in Plotly's markup, which reads a few HTML tags: what users wrote is escaped."""
    lines = [f"<b>{escape(trial.name)}</b>"]
    for values in (trial.status.metrics, trial.spec.parameters):
        lines += ["", *(f"{escape(name)} = {escape(value(scalar))}" for name, scalar in values.items())]
    return "<br>".join(lines)
