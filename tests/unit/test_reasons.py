"""`docs/reasons.md` and the CRDs have the reasons of `api/reasons.py`: all of them, and in the same words."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from tests.builders import experiment, trial

from paretonas.api import ENDED, Condition, ExperimentStatus, InvalidDocument
from paretonas.api.reasons import (
    CONDITION_REASONS,
    AttemptReason,
    EndReason,
    EventReason,
    Hindrance,
    ProgressReason,
    Reason,
    TrialReason,
)
from paretonas.api.status import ConditionType
from paretonas.controller.expiry import without_trials
from paretonas.engine.consequences import LOST_LIMIT, Consequence, consequence_of
from paretonas.engine.decide import Outcome
from paretonas.engine.events import END_EVENTS
from paretonas.engine.summary import failing, invalid, summarise
from paretonas.engine.trouble import Trouble

PAGE = Path("docs/reasons.md").read_text()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def rows(title: str) -> list[list[str]]:
    """The rows of the table below a heading."""
    [section] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def described(*reasons: Reason) -> list[list[str]]:
    return [[f"`{reason}`", reason.meaning] for reason in reasons]


def then(consequence: Consequence) -> str:
    """What the page says of a consequence."""
    if consequence.state is not None:
        return f"It is `{consequence.state}`."
    pause = f" after {consequence.pause.seconds} s" if consequence.pause else ""
    limit = "`failurePolicy.retries` times" if consequence.charged else f"{LOST_LIMIT - 1} times"
    return f"It is tried again{pause}, {limit}."


def test_the_page_has_every_reason_of_an_attempt_and_what_follows() -> None:
    listed = [[f"`{reason}`", reason.meaning, then(consequence_of(reason))] for reason in AttemptReason]
    known = listed.pop()
    assert rows("Attempts") == [*listed, [*known[:2], "It is tried again if the experiment goes on."]]


def test_the_page_has_every_other_reason_of_a_trial() -> None:
    assert rows("Trials without an attempt") == described(*TrialReason)


def test_the_page_has_every_condition_with_all_its_reasons() -> None:
    listed = [
        [f"`{kind}`", status, f"`{reason}`", reason.meaning]
        for kind, statuses in CONDITION_REASONS.items()
        for status, reasons in statuses.items()
        for reason in reasons
        if not (kind == "Progressing" and isinstance(reason, EndReason))
    ]
    assert rows("Conditions of an experiment") == listed


def test_the_page_has_every_event() -> None:
    assert rows("Events") == described(*EventReason, *Hindrance)


def test_no_reason_is_without_its_meaning_and_every_word_is_camel_case() -> None:
    for group in Reason.__subclasses__():
        for reason in group:
            assert re.fullmatch(r"[A-Z][A-Za-z]+", reason), "what a CRD and an Event of Kubernetes take"
            assert reason.meaning.endswith("."), reason


def test_every_reason_of_a_condition_is_in_the_table() -> None:
    listed = [r for statuses in CONDITION_REASONS.values() for reasons in statuses.values() for r in reasons]
    of_conditions = set(Reason.__subclasses__()) - {AttemptReason, TrialReason, EventReason}
    # by class and word: members of two enumerations may be the same text
    assert {(type(r), str(r)) for r in listed} == {(group, str(r)) for group in of_conditions for r in group}
    assert set(CONDITION_REASONS) == set(get_args(ConditionType))


def test_every_trial_that_ends_has_an_event() -> None:
    assert set(END_EVENTS) == ENDED


def written() -> list[Condition]:
    """Every condition that an experiment can get, but for `ManagedElsewhere`."""
    plain, suspended = experiment(), experiment(suspend=True)
    compared = experiment(earlyStopping={"strategy": "OptimisticDominance", "minCurves": 1})
    ended = {
        EndReason.TRIALS_COMPLETED: (True,),
        EndReason.TARGET_REACHED: (True,),
        EndReason.HYPERVOLUME_STALLED: (True,),
        EndReason.SEARCH_SPACE_EXHAUSTED: (True,),
        EndReason.NOTHING_NEW_FOUND: (True,),
        EndReason.STOPPED: (True, False),
        EndReason.NO_TRIAL_SUCCEEDED: (False,),
        EndReason.TOO_MANY_FAILURES: (False,),
        EndReason.DEADLINE_EXCEEDED: (False,),
    }
    assert set(ended) == set(EndReason)
    statuses: list[ExperimentStatus] = [
        summarise(plain, [], NOW),
        summarise(suspended, [], NOW),
        *(summarise(compared, [trial(0, "Succeeded").with_status(logged_steps=steps)], NOW) for steps in (None, 1, 9)),
        *(summarise(plain, [], NOW, trouble=Trouble(reason, "")) for reason in Hindrance),
        *(
            summarise(plain, [], NOW, outcome=Outcome(succeeded, reason, ""))
            for reason, ways in ended.items()
            for succeeded in ways
        ),
        invalid(ExperimentStatus(), InvalidDocument([]), 1, NOW),
        failing(ExperimentStatus(), "", 1, NOW),
        without_trials(plain, NOW).status,
    ]
    return [condition for status in statuses for condition in status.conditions]


def test_the_table_of_conditions_is_what_is_written() -> None:
    pairs = {
        (kind, status, str(reason))
        for kind, statuses in CONDITION_REASONS.items()
        for status, reasons in statuses.items()
        for reason in reasons
        if reason != ProgressReason.MANAGED_ELSEWHERE
    }
    assert {(c.type, c.status, str(c.reason)) for c in written()} == pairs


def _conditions(name: str) -> dict[str, Any]:
    [version] = yaml.safe_load(Path(f"crds/{name}.yaml").read_text())["spec"]["versions"]
    status: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
    return status


def test_the_crd_names_every_condition() -> None:
    description = _conditions("nasexperiments")["conditions"]["description"]
    assert [kind for kind in get_args(ConditionType) if kind not in description] == []


@pytest.mark.parametrize("reason", [r for group in Reason.__subclasses__() for r in group], ids=str)
def test_the_crds_take_every_reason(reason: Reason) -> None:
    for name in ("nasexperiments", "nastrials"):
        pattern = _conditions(name)["conditions"]["items"]["properties"]["reason"]["pattern"]
        assert re.fullmatch(pattern, reason)


def test_the_crd_of_a_trial_names_every_reason_of_an_attempt() -> None:
    description = _conditions("nastrials")["attempts"]["items"]["properties"]["reason"]["description"]
    assert description == f"How it ended: {', '.join(AttemptReason)}."
