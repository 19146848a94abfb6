"""What is written is read back the same: as a document, through JSON, and through Kubernetes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretonas.api import Condition, NASTrial, parse_experiment, parse_trial

IDENTIFIERS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,62}", fullmatch=True)
LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
# + 0.0: JSON loses the sign of -0.0, which is the same number
FLOATS = st.floats(-1e300, 1e300).map(lambda number: number + 0.0)
INTEGERS = st.integers(-(2**53), 2**53)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
SCALARS = FLOATS | INTEGERS | TEXTS | st.booleans()
TIMES = st.datetimes(datetime(1000, 1, 1)).map(lambda time: f"{time.isoformat()}Z")  # noqa: DTZ001 # Hypothesis wants it naive


def from_go(document: Any) -> Any:
    """The document as Kubernetes gives it back: Go writes 0.0 as 0, and a large double without an exponent."""

    def stored(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stored(item) for key, item in value.items()}
        if isinstance(value, list):
            return [stored(item) for item in value]
        # encoding/json turns to exponents at 1e21
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e21
        return int(value) if whole else value

    return json.loads(json.dumps(stored(document)))


def ranges(numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def of(ends: set[Any]) -> st.SearchStrategy[dict[str, Any]]:
        low, high = min(ends), max(ends)
        scales = st.sampled_from(["Linear", "Log"] if low > 0 else ["Linear"])
        return st.fixed_dictionaries({"min": st.just(low), "max": st.just(high)}, optional={"scale": scales})

    return st.sets(numbers, min_size=2, max_size=2).flatmap(of)


def choices(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    several = st.lists(values, min_size=1, max_size=5, unique=True)
    return st.fixed_dictionaries({"values": several}, optional={"ordered": st.booleans()})


KINDS = st.one_of(
    st.fixed_dictionaries({"int": ranges(INTEGERS)}),
    st.fixed_dictionaries({"float": ranges(FLOATS)}),
    st.fixed_dictionaries({"choice": choices(TEXTS)}),
    st.fixed_dictionaries({"intChoice": choices(INTEGERS)}),
    st.fixed_dictionaries({"floatChoice": choices(FLOATS)}),
    st.just({"bool": {}}),
    st.fixed_dictionaries({"fixed": st.fixed_dictionaries({"value": SCALARS})}),
)
"""A parameter's kind with its domain, for each of the kinds."""


def values_of(kind: dict[str, Any]) -> list[Any]:
    """The values that a condition can ask for; none for a range."""
    [(name, domain)] = kind.items()
    return [False, True] if name == "bool" else domain.get("values", [domain[k] for k in ("value",) if k in domain])


@st.composite
def parameter_lists(draw: st.DrawFn) -> list[dict[str, Any]]:
    kinds: dict[str, dict[str, Any]] = {}
    parameters = []
    for name in draw(st.lists(IDENTIFIERS, min_size=1, max_size=6, unique=True)):
        kind = draw(KINDS)
        parameter = {"name": name, **kind}
        parents = [parent for parent in kinds if values_of(kinds[parent])]
        conditional: bool = draw(st.booleans())
        if parents and conditional:
            parent = draw(st.sampled_from(parents))
            asked = draw(st.lists(st.sampled_from(values_of(kinds[parent])), min_size=1, max_size=3))
            parameter["activeWhen"] = [{"parameter": parent, "values": asked}]
        kinds[name] = kind
        parameters.append(parameter)
    return list(draw(st.permutations(parameters)))


@st.composite
def experiment_documents(draw: st.DrawFn) -> dict[str, Any]:
    max_trials = draw(st.integers(1, 1000))
    few = st.integers(1, max_trials)
    objective = st.fixed_dictionaries(
        {"metric": IDENTIFIERS, "goal": st.sampled_from(["Maximize", "Minimize"])},
        optional={"threshold": FLOATS},
    )
    objectives = st.lists(objective, min_size=1, max_size=4, unique_by=lambda o: o["metric"])
    policy = {
        "maxFailureRatio": st.floats(0, 1),
        "afterTrials": st.integers(1, 9),
        "retries": st.integers(0, 9),
    }
    search = {"seed": st.integers(0, 2**31 - 1), "initialTrials": few}
    trial = {
        "image": st.just("trainer:1.0"),
        "args": st.lists(TEXTS.filter(lambda text: "${" not in text), max_size=3),
        "env": st.lists(
            st.fixed_dictionaries({"name": IDENTIFIERS}),
            max_size=3,
            unique_by=lambda variable: variable["name"],
        ).filter(lambda env: not any(variable["name"].startswith("PARETONAS_") for variable in env)),
        "resources": st.fixed_dictionaries({}, optional={"cpu": st.integers(1, 9) | FLOATS.map(abs).map(str)}),
        "replicas": st.integers(1, 100),
        "podOverlay": st.dictionaries(TEXTS, st.none() | SCALARS | st.lists(SCALARS, max_size=2), max_size=3),
    }
    spec = st.fixed_dictionaries(
        {
            "objectives": objectives,
            "parameters": parameter_lists(),
            "maxTrials": st.just(max_trials),
            "trial": st.fixed_dictionaries({"command": st.just(["python"])}, optional=trial),
        },
        optional={
            "parallelism": few,
            "search": st.fixed_dictionaries({}, optional=search),
            "failurePolicy": st.fixed_dictionaries({}, optional=policy),
            "suspend": st.booleans(),
            "activeDeadlineSeconds": st.integers(1, 2**31 - 1),
            "ttlSecondsAfterFinished": st.integers(0, 2**31 - 1),
        },
    )
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "x" + draw(LABELS)},
        "spec": draw(spec),
    }


CONDITIONS = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["Valid", "Progressing", "Suspended", "Succeeded"]),
        "status": st.sampled_from(["True", "False", "Unknown"]),
        "reason": st.just("Reason"),
        "lastTransitionTime": TIMES,
    },
    optional={"message": TEXTS, "observedGeneration": st.integers(0, 9)},
)
POINTS = st.dictionaries(IDENTIFIERS, SCALARS, max_size=4)
METRICS = st.dictionaries(IDENTIFIERS, FLOATS, max_size=4)


@st.composite
def trial_documents(draw: st.DrawFn) -> dict[str, Any]:
    attempt = st.fixed_dictionaries(
        {"job": LABELS},
        optional={"reason": TEXTS, "exitCode": st.integers(-64, 255), "startTime": TIMES, "endTime": TIMES},
    )
    spec = st.fixed_dictionaries(
        {"experiment": LABELS, "index": st.integers(0, 10**6), "parameters": POINTS},
        optional={
            "origin": st.sampled_from(["Sobol", "BayesianOptimization", "User"]),
            "observation": st.fixed_dictionaries({"metrics": METRICS}),
        },
    )
    status = st.fixed_dictionaries(
        {},
        optional={
            "conditions": st.lists(CONDITIONS, max_size=2),
            "state": st.sampled_from(["Pending", "Running", "Succeeded", "Failed", "EarlyStopped", "Infeasible"]),
            "attempts": st.lists(attempt, max_size=3),
            "metrics": METRICS,
            "message": TEXTS,
            "pareto": st.booleans(),
        },
    )
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASTrial",
        "metadata": {"name": draw(LABELS), "resourceVersion": "7"},
        "spec": draw(spec),
        "status": draw(status),
    }


@given(experiment_documents())
def test_an_experiment_comes_back_the_same_from_its_document(document: dict[str, Any]):
    experiment = parse_experiment(document)
    assert parse_experiment(experiment.to_dict()) == experiment
    assert parse_experiment(json.loads(json.dumps(experiment.to_dict()))) == experiment


@given(experiment_documents())
def test_an_experiment_comes_back_to_the_digit_after_kubernetes_has_turned_whole_doubles_into_integers(
    document: dict[str, Any],
):
    written = parse_experiment(document).to_dict()
    overlay = written["spec"]["trial"].pop("podOverlay")
    again = parse_experiment(from_go(written)).to_dict()
    assert again["spec"]["trial"].pop("podOverlay") == {}
    assert json.dumps(again) == json.dumps(written), "a number has changed its type"
    # the overlay is the user's own: nothing is known of its types, and nothing is changed in it
    assert json.dumps(parse_experiment(document).spec.trial.pod_overlay) == json.dumps(overlay)


@given(experiment_documents(), st.data())
def test_a_point_has_its_types_again_after_kubernetes(document: dict[str, Any], data: st.DataObject):
    spec = parse_experiment(document).spec
    point = {}
    for parameter in spec.parameters:
        domain = parameter.domain.to_dict()
        if "min" in domain:
            numbers = st.integers if parameter.kind == "int" else st.floats
            point[parameter.name] = data.draw(numbers(domain["min"], domain["max"]))
        else:
            point[parameter.name] = data.draw(st.sampled_from(domain.get("values", [domain.get("value", True)])))
    assert all(spec.parameter(name).contains(value) for name, value in point.items())
    again = spec.cast(from_go(point))
    assert again == point
    assert {name: type(value) for name, value in again.items()} == {n: type(v) for n, v in point.items()}


@given(trial_documents())
def test_a_trial_comes_back_the_same_from_its_document(document: dict[str, Any]):
    trial = parse_trial(document)
    written = trial.to_dict()
    assert parse_trial(written) == trial
    assert parse_trial(json.loads(json.dumps(written))) == trial
    assert parse_trial(from_go(written)) == trial
    assert json.dumps(parse_trial(json.loads(json.dumps(written))).to_dict()) == json.dumps(written)


@given(CONDITIONS)
def test_a_time_keeps_the_fraction_of_its_second(document: dict[str, Any]):
    condition = Condition.model_validate(document)
    written = condition.to_dict()["lastTransitionTime"]
    assert written == document["lastTransitionTime"]
    assert datetime.fromisoformat(written) == condition.last_transition_time


def test_a_time_of_another_zone_is_read_as_utc_and_written_with_z():
    time = "2026-01-31T12:00:00.25+02:00"
    fields = {"type": "Valid", "status": "True", "reason": "Read", "lastTransitionTime": time}
    condition = Condition.model_validate(fields)
    assert condition.last_transition_time == datetime(2026, 1, 31, 10, 0, 0, 250_000, tzinfo=UTC)
    assert condition.last_transition_time.utcoffset() == timedelta(0)
    assert condition.to_dict()["lastTransitionTime"] == "2026-01-31T10:00:00.250000Z"


def test_an_experiments_status_and_metadata_come_back_the_same(document: dict[str, Any]):
    document["metadata"] = {"name": "x", "uid": "7", "generation": 3, "annotations": {"a": "b"}}
    document["status"] = {
        "observedGeneration": 3,
        "conditions": [
            {
                "type": "Succeeded",
                "status": "True",
                "reason": "MaxTrialsReached",
                "message": "",
                "lastTransitionTime": "2026-01-31T12:00:00.000001Z",
                "observedGeneration": 3,
            }
        ],
        "paretoSet": [{"trial": "x-0", "index": 0, "parameters": {"a": 1}, "metrics": {"m": 0.25}}],
        "hypervolume": 0.5,
        "referencePoint": {"m": -1.0},
        "startTime": "2026-01-31T11:00:00Z",
        "completionTime": "2026-01-31T12:00:00.000001Z",
    }
    experiment = parse_experiment(document)
    assert experiment.status.finished
    assert parse_experiment(from_go(experiment.to_dict())) == experiment
    written = experiment.to_dict()
    assert written["metadata"] == document["metadata"]
    assert written["status"].items() >= document["status"].items()
    assert written["status"]["trials"]["total"] == 0


def test_a_replaced_spec_forgets_what_was_read_from_the_old_one(document: dict[str, Any]):
    document["spec"]["parameters"].append({"name": "b", "float": {"min": 0, "max": 1}})
    document["spec"]["parameterConstraints"] = ["a <= b"]
    spec = parse_experiment(document).spec
    assert [c.text for c in spec.linear_constraints] == ["a <= b"]
    changed = spec.replace(parameter_constraints=("b <= a",), max_trials=3)
    assert [c.text for c in changed.linear_constraints] == ["b <= a"]
    assert (changed.max_trials, spec.max_trials) == (3, 2)


def test_a_trials_status_is_changed_without_touching_the_rest():
    document = {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASTrial",
        "metadata": {"name": "x-0", "labels": {"a": "b"}},
        "spec": {"experiment": "x", "index": 0, "parameters": {"a": 0.5}},
    }
    trial = parse_trial(document)
    ended = trial.with_status(state="Succeeded", metrics={"m": 1.0})
    assert (trial.ended, ended.ended) == (False, True)
    assert isinstance(ended, NASTrial)
    assert (ended.metadata, ended.spec) == (trial.metadata, trial.spec)
    assert ended.to_dict()["metadata"]["labels"] == {"a": "b"}
    assert parse_trial(ended.to_dict()) == ended


def test_a_trials_attempt_is_its_last_one_until_that_has_ended(document: dict[str, Any]):
    spec = {"experiment": "x", "index": 0, "parameters": {}}
    trial = parse_trial({**document, "kind": "NASTrial", "metadata": {"name": "x-0"}, "spec": spec})
    ended = {"job": "x-0-a1", "endTime": "2026-01-31T12:00:00Z"}
    for attempts, job in (([], None), ([ended], None), ([ended, {"job": "x-0-a2"}], "x-0-a2")):
        again = parse_trial({**trial.to_dict(), "status": {"attempts": attempts}})
        assert (again.attempt.job if again.attempt else None) == job, attempts


@pytest.mark.parametrize(("status", "finished"), [("Unknown", False), ("True", True), ("False", True)])
def test_an_experiment_is_finished_once_it_has_succeeded_or_not(document: dict[str, Any], status: str, finished: bool):
    time = "2026-01-31T12:00:00Z"
    condition = {"type": "Succeeded", "status": status, "reason": "Running", "lastTransitionTime": time}
    assert not parse_experiment(document).status.finished
    assert parse_experiment({**document, "status": {"conditions": [condition]}}).status.finished == finished


def test_defaults_are_written_out(document: dict[str, Any]):
    spec = parse_experiment(document).to_dict()["spec"]
    assert spec["parallelism"] == 1
    assert spec["search"] == {"seed": 0}
    assert spec["failurePolicy"] == {"maxFailureRatio": 0.5, "afterTrials": 5, "retries": 2}
    assert spec["suspend"] is False
    assert spec["trial"]["queue"] == "default"
    assert "args" not in spec["trial"]
