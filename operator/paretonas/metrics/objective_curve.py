"""The one learning curve of each trial, for tools that show only one. Pure."""

from collections.abc import Mapping, Sequence

from paretonas.api import ExperimentSpec

Curve = Sequence[tuple[int, float]]
"""(step, value) by step."""


def objective_curves(spec: ExperimentSpec, curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, Curve]:
    """The curves of the first objective that any trial has logged over several steps, by trial; empty without one.

    Args:
        spec: The experiment's.
        curves: What each trial has logged, by tag.
    """
    tags = {source.name: source.tag for source in spec.metric_sources}
    for objective in spec.objectives:
        tag = tags[objective.metric]
        if any(len(logged.get(tag, ())) > 1 for logged in curves.values()):
            return {trial: logged[tag] for trial, logged in curves.items() if tag in logged}
    return {}
