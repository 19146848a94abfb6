"""An experiment with its trials as one document, to go on elsewhere."""

from typing import Any

import pytest
import yaml
from tests import builders

from paretonas.api import (
    Condition,
    InvalidDocument,
    NASTrial,
    Observation,
    export_experiment,
    import_experiment,
    load_documents,
)
from paretonas.api.reasons import TrialReason

EXPERIMENT = builders.experiment()
HERE = [
    builders.trial(0, "Succeeded", metrics={"accuracy": 0.1 + 0.2, "size": 50.0}, x=0.1),
    builders.trial(1, "Failed", x=0.2),
    builders.trial(2, "Infeasible", x=0.3),
    builders.trial(4, "Running", attempts=(builders.attempt(4),), x=0.4),
    builders.trial(5, x=0.5),
]


def there(trials: list[NASTrial] = HERE, **spec: Any) -> tuple[NASTrial, ...]:
    """The trials as they come out of the file on the other side."""
    document = export_experiment(builders.experiment(**spec), trials)
    return import_experiment(load_documents(yaml.safe_dump(document))).trials


def test_what_has_ended_is_an_observation_and_what_has_not_is_a_point_to_try() -> None:
    assert [t.spec.observation for t in there()] == [
        Observation(metrics={"accuracy": 0.1 + 0.2, "size": 50.0}),
        Observation(state="Failed"),
        Observation(state="Infeasible"),
        None,
        None,
    ]


def test_index_point_and_origin_stay_and_nothing_else_is_brought_along() -> None:
    for before, after in zip(HERE, there(), strict=True):
        assert (after.name, after.spec.parameters, after.spec.origin) == (
            before.name,
            before.spec.parameters,
            before.spec.origin,
        )
        assert after.status == builders.trial().status


def test_the_trials_come_first_so_that_the_search_begins_knowing_them() -> None:
    kinds = [item["kind"] for item in export_experiment(EXPERIMENT, HERE)["items"]]
    assert kinds == ["NASTrial"] * 5 + ["NASExperiment"]


def test_an_experiment_that_rests_goes_on_elsewhere() -> None:
    document = export_experiment(builders.experiment(suspend=True, stop=True), [])
    spec = import_experiment([document]).experiment.spec
    assert (spec.suspend, spec.stop) == (False, False)


def test_a_trial_that_was_refused_stays_behind() -> None:
    time = builders.experiment().status.start_time or "2026-01-01T00:00:00Z"
    refused = Condition.model_validate(
        {
            "type": "Succeeded",
            "status": "False",
            "reason": TrialReason.INVALID.value,
            "lastTransitionTime": time,
        },
        by_alias=True,
    )
    assert there([builders.trial(0, "Infeasible").with_status(conditions=(refused,))]) == ()


def test_several_documents_are_the_same_as_a_list() -> None:
    items = export_experiment(EXPERIMENT, HERE)["items"]
    assert import_experiment(load_documents(yaml.safe_dump_all(items))) == import_experiment(
        [export_experiment(EXPERIMENT, HERE)]
    )


def test_a_lone_experiment_has_no_trials() -> None:
    assert import_experiment([EXPERIMENT.to_dict()]).trials == ()


def test_fields_can_be_given_instead() -> None:
    assert import_experiment([export_experiment(EXPERIMENT, HERE)], {"maxTrials": 99}).experiment.spec.max_trials == 99


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"parameters": {"x": 3.0}}, "trials[1].spec.parameters.x: 3.0: is outside the search space"),
        ({"experiment": "other"}, 'trials[1].spec.experiment: "other": is not the experiment of this file'),
        ({"index": -1}, "trials[1].spec.index: -1: is less than 0; write 0 or more"),
        ({"observation": {"metrics": {}}}, "trials[1].spec.observation.metrics.accuracy: is required"),
    ],
)
def test_a_trial_that_does_not_fit_is_named(change: dict[str, Any], problem: str) -> None:
    document = export_experiment(EXPERIMENT, HERE)
    document["items"][1]["spec"] |= change
    with pytest.raises(InvalidDocument) as found:
        import_experiment([document])
    assert str(found.value).startswith(problem)


@pytest.mark.parametrize(
    ("documents", "said"),
    [
        ([], "holds 0 documents; "),
        ([EXPERIMENT.to_dict()] * 2, "holds 2 documents; "),
        (export_experiment(EXPERIMENT, HERE)["items"][:-1], "holds 0 documents that are not a NASTrial; "),
    ],
)
def test_there_is_one_experiment(documents: list[Any], said: str) -> None:
    with pytest.raises(InvalidDocument, match=said):
        import_experiment(documents)


def test_a_known_result_is_exported_with_the_value_of_its_formula() -> None:
    one = builders.trial(0, "Succeeded", metrics={"accuracy": 0.9, "size": 21.0})
    one = one.replace(spec=one.spec.replace(observation=Observation(metrics={"accuracy": 0.9, "size": 7.0})))
    [after] = there([one], metrics=[{"name": "size", "formula": "40*x + 1"}])
    assert after.spec.observation == Observation(metrics={"accuracy": 0.9, "size": 21.0})
