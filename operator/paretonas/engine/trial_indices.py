"""The indices of new trials. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from paretonas.api import MAX_INDEX, NASTrial, trial_name

_NAMED = 5
"""The most strangers (trials of other experiments) that a message names."""


def free_indices(
    experiment: str, trials: Sequence[NASTrial], strangers: Mapping[str, str], unanswered: int | None = None
) -> Iterator[int]:
    """Indices for new trials: those after the last one, and when these are used up, the gaps.

    The number of trials does not give the next index: a trial may have been removed by hand, or its user may
    have chosen its index. Nor is an index free if its name is taken, by a trial of this experiment or by a
    stranger.

    Args:
        experiment: the name of the experiment.
        trials: its trials, in index order.
        strangers: trials of other experiments that have such a name, each with the experiment that it names.
        unanswered: the index of a trial that may have been stored by a request that got no answer. It comes
            first, even if a later one has been stored since: if the trial exists after all, no other one is
            stored beside it.
    """
    indices, names = {t.spec.index for t in trials}, {t.name for t in trials} | strangers.keys()
    first = trials[-1].spec.index + 1 if trials else 0
    before = [] if unanswered is None else [unanswered]
    for index in chain(before, range(first, MAX_INDEX + 1), range(first)):
        if index not in indices and trial_name(experiment, index) not in names:
            indices.add(index)
            yield index


def describe_passed_over(trials: Sequence[NASTrial], strangers: Mapping[str, str]) -> str:
    """The remark about indices that no trial could get; "" if there are none."""
    last = trials[-1].spec.index if trials else 0
    between = {name: of for name, of in strangers.items() if int(name.rpartition("-")[2]) < last}
    if not between:
        return ""
    named = ", ".join(f"{name} (of {other})" for name, other in sorted(between.items())[:_NAMED])
    more = f" and {len(between) - _NAMED} more" if len(between) > _NAMED else ""
    return f"passed over, since a NASTrial of another experiment has the name: {named}{more}"
