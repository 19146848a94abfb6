"""Texts that several parts of the page show."""

from collections.abc import Iterable
from html import escape

from paretonas.api import NASTrial, Objective
from paretonas.engine.wording import value

_LINES = 12
"""Metrics, and parameters, that a box beside the pointer has room for; the table has them all."""


def goals(objectives: Iterable[Objective]) -> str:
    """What is optimised: ``maximize val_acc, minimize num_params``."""
    return ", ".join(f"{o.goal.lower()} {o.metric}" for o in objectives)


def markup(text: str) -> str:
    """Escape a text for Plotly, which interprets a few HTML tags, so that a user's text cannot become one."""
    return escape(text, quote=False)


def hover(trial: NASTrial) -> str:
    """A trial's values in Plotly's markup: its metrics, then its parameters."""
    lines = [f"<b>{markup(trial.name)}</b>"]
    for values in (trial.status.metrics, trial.spec.parameters):
        shown = list(values.items())[:_LINES]
        lines += ["", *(f"{markup(name)} = {markup(value(scalar))}" for name, scalar in shown)]
        lines += [f"… and {len(values) - _LINES} more"] if len(values) > _LINES else []
    return "<br>".join(lines)
