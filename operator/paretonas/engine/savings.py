"""What early stopping has saved so far, and how often its verdicts were right. Pure functions of the stored trials."""

from collections.abc import Sequence

from paretonas.api import ExperimentSpec, NASTrial
from paretonas.api.early_stopping import Audits, EarlyStopping, Savings
from paretonas.api.reasons import EarlyStoppingReason
from paretonas.api.status import ConditionStatus
from paretonas.engine.early_stopping import is_false_stop
from paretonas.engine.wording import count


def count_savings(trials: Sequence[NASTrial]) -> Savings:
    """The steps that stopped trials would still have made, and their share of all steps.

    Steps are those of the logs. Trials that failed are not counted, as it is not known how far they came.
    """
    stopped = [t.status.verdict for t in trials if t.status.state == "EarlyStopped" and t.status.verdict is not None]
    saved = sum(verdict.steps_saved for verdict in stopped)
    made = sum(max(0, verdict.step) for verdict in stopped)
    made += sum(max(0, t.status.last_step or 0) for t in trials if t.status.state == "Succeeded")
    return Savings(steps=saved, share=saved / (saved + made) if saved else 0.0)


def count_audits(spec: ExperimentSpec, trials: Sequence[NASTrial]) -> Audits:
    """The trials with a verdict that have a result nevertheless, and those among them that the verdict was wrong about.

    Most of them are audits. A trial may also end by itself just before it is stopped.
    """
    ended = [(t.status.verdict, t.status.metrics) for t in trials if t.status.state == "Succeeded" and t.status.verdict]
    wrong = sum(is_false_stop(spec, verdict, metrics) for verdict, metrics in ended)
    return Audits(trials=len(ended), false_stops=wrong)


def find_comparability(
    settings: EarlyStopping, trials: Sequence[NASTrial]
) -> tuple[ConditionStatus, EarlyStoppingReason, str]:
    """Whether running trials can be compared with completed ones: the condition `EarlyStopping`, and why it is so."""
    logged = [t.status.logged_steps for t in trials if t.status.state == "Succeeded" and t.status.logged_steps]
    if len(logged) < settings.min_curves:
        message = f"{len(logged)} of {count(settings.min_curves, 'completed trial')} (minCurves)"
        return "Unknown", EarlyStoppingReason.FEW_COMPLETED, message
    if max(logged) < settings.grace_steps or max(logged) < 2:  # noqa: PLR2004 # one value is no curve
        message = (
            f"{count(len(logged), 'completed trial')} logged {count(max(logged), 'value')} of an objective at most, "
            f"and a trial can be stopped from its value {max(2, settings.grace_steps)} on (graceSteps); log an "
            "objective after each epoch, or remove earlyStopping"
        )
        return "False", EarlyStoppingReason.NO_CURVES, message
    return "True", EarlyStoppingReason.CURVES_COMPARED, ""
