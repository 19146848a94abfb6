"""Which output folders are removed so that checkpoints do not fill the volume. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from paretonas.api import ExperimentSpec, NASTrial, TrialState

_NEVER_RESUMED: Final[frozenset[TrialState]] = frozenset({"Succeeded", "EarlyStopped"})
"""The final states that no retry leads back from. A trial in any other may resume from its output folder."""


def find_removable(
    spec: ExperimentSpec, trials: Sequence[NASTrial], best: Sequence[NASTrial], reference: Mapping[str, float]
) -> list[NASTrial]:
    """The trials whose output folders are to be removed: with ``keepOutputs: ParetoSet``, those outside the Pareto set.

    A trial that is dominated stays so, whatever further trials find. So the answer is right even if some trials are
    not known here yet.

    Args:
        spec: The spec of the experiment.
        trials: Its trials.
        best: Those of them in the Pareto set. As long as there are none, everything is kept.
        reference: The reference point. As long as it is not fixed, everything is kept.
    """
    if spec.trial.keep_outputs == "All" or not best or not reference:
        return []
    names = {trial.name for trial in best}
    return [
        trial
        for trial in trials
        if trial.status.output_dir and trial.status.state in _NEVER_RESUMED and trial.name not in names
    ]
