"""Everything that is wrong is told at once, and nothing that only follows from it."""

import pytest

from paretonas.api import InvalidDocument, Problem, load_experiment, load_yaml, parse_experiment, parse_trial

HEAD = """\
apiVersion: paretonas.io/v1alpha1
kind: NASExperiment
metadata: {name: several}
spec:
"""


def told(text: str) -> list[str]:
    with pytest.raises(InvalidDocument) as caught:
        load_experiment(text)
    return [f"{problem.path}: {problem.message}" for problem in caught.value.problems]


def test_several_mistakes_of_one_file_are_told_together():
    text = """\
apiVersion: paretonas.io/v2
kind: NASExperiment
metadata: {name: Wrong}
spec:
  objectives:
  - {metric: val_acc, goal: maximize}
  - {metric: num_params, goal: Minimize, scale: Log, threshold: -1}
  outcomeConstraints: ["latency < 3", "num_params <= 9"]
  parameters:
  - {name: width, int: {min: 128, max: 16}}
  - {name: rate, float: {min: 0, max: 1, scale: Log}}
  - {name: optimizer, choice: {values: [adam, adam]}}
  - {name: momentum, float: {min: 0, max: 1}, activeWhen: [{parameter: optimiser, values: [sgd]}]}
  parameterConstraints: ["momentum + gamma <= 1", "width <= 64"]
  maxTrials: 4
  parallelism: 9
  serch: {}
  metrics:
  - {name: val_acc, tag: 7}
  trial:
    command: [python, 3]
    args: ["${parameters.rate}", "${parameters.nothing}", 5]
    env:
    - {name: "1", value: x}
    - {name: PARETONAS_TRIAL, value: x}
    resources: {cpu: -1, gpu: 1}
"""
    assert sorted(told(text)) == sorted([
        "apiVersion: is not known",
        "metadata.name: is not a valid name",
        "spec.objectives[0].goal: is not known",
        "spec.objectives[1].threshold: is not above 0, as a Log scale needs",
        "spec.parameters[0].int.min: is not below max (16)",
        "spec.parameters[1].float.min: cannot be the start of a Log scale",
        "spec.parameters[2].choice.values[1]: is listed twice",
        "spec.parameters[3].activeWhen[0].parameter: is not a parameter",
        "spec.parameterConstraints[0]: names 'gamma', which is not a parameter",
        "spec.outcomeConstraints[0]: needs exactly one <=, >= or ==",
        "spec.outcomeConstraints[1]: bounds 'num_params', which is an objective",
        "spec.parallelism: is more than maxTrials (4)",
        "spec.serch: is not a known field",
        "spec.metrics[0].tag: is not a text",
        "spec.trial.command[1]: is not a text",
        "spec.trial.args[1]: refers to an unknown ${parameters.nothing}",
        "spec.trial.args[2]: is not a text",
        "spec.trial.env[0].name: is not a valid name",
        "spec.trial.env[1].name: is set by ParetoNAS itself",
        "spec.trial.resources.cpu: is not a quantity",
        "spec.trial.resources.gpu: is not a resource",
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param(
            """
  objectives: [{metric: m, goal: Maximize}]
  parameters:
  - {name: learning-rate, float: {min: 0, max: 1}}
  - {name: width, int: {min: 9, max: 1}}
  - {name: depth, int: {min: 1, max: 9}, activeWhen: [{parameter: width, values: [3]}]}
  parameterConstraints: ["learning-rate + depth <= 1", "width <= depth"]
  maxTrials: 4
  trial: {command: [python], args: ["${parameters.learning-rate}", "${parameters.width}"]}
""",
            [
                "spec.parameters[0].name: is not a valid name",
                "spec.parameters[1].int.min: is not below max (1)",
            ],
            id="what refers to parameters that could not be read",
        ),
        pytest.param(
            """
  objectives: [{metric: m, goal: Maximize}]
  parameters: {width: {int: {min: 1, max: 9}}}
  parameterConstraints: ["width <= 7"]
  maxTrials: 4
  trial: {command: [python], args: ["${parameters.width}"]}
""",
            ["spec.parameters: is not a list"],
            id="what refers to a list of parameters that could not be read",
        ),
        pytest.param(
            """
  objectives: {metric: m, goal: Maximize}
  outcomeConstraints: ["m <= 1"]
  parameters: [{name: width, int: {min: 1, max: 9}}]
  maxTrials: many
  parallelism: 1000
  trial: python train.py
""",
            [
                "spec.objectives: is not a list",
                "spec.maxTrials: is not a whole number",
                "spec.trial: is not a mapping",
            ],
            id="what is held against parts that could not be read",
        ),
    ],
)
def test_what_only_follows_from_another_mistake_is_not_told(spec: str, expected: list[str]):
    assert sorted(told(HEAD + spec)) == sorted(expected)


def test_the_lines_of_all_problems_are_the_text_of_the_error():
    with pytest.raises(InvalidDocument) as caught:
        load_experiment(HEAD.replace("several", "Several") + "  maxTrials: 0\n")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(caught.value.problems) == 5
    assert lines[0] == (
        'metadata.name: "Several": is not a valid name; '
        "use lower case letters, digits and -, begin with a letter, end without -"
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (4, "4"),
        (True, "true"),
        (0.5, "0.5"),
        ("x", '"x"'),
        ("two\nlines", '"two\\nlines"'),
        ("x" * 200, '"' + "x" * 78 + "…"),
    ],
)
def test_a_value_is_shown_on_one_line_as_the_file_has_it(value: object, shown: str):
    assert str(Problem("spec.x", "is wrong", "correct it", value)) == f"spec.x: {shown}: is wrong; correct it"


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}])
def test_a_list_or_mapping_is_not_shown(value: object):
    assert str(Problem("spec.x", "is wrong", "correct it", value)) == "spec.x: is wrong; correct it"


@pytest.mark.parametrize("document", [None, [], "text", 7, True])
def test_a_document_that_is_no_mapping_is_refused(document: object):
    with pytest.raises(InvalidDocument, match="is not a mapping"):
        parse_experiment(document)


def test_one_document_changes_nothing_in_what_is_said_of_the_next():
    """What stands in for a part that cannot be read is the same for all: 0 would be missing from it afterwards."""
    spec = "  objectives: [{metric: a, goal: Maximize}]\n  maxTrials: 4\n  trial: {command: [train]}\n  parameters:\n"
    before = told(HEAD + spec + "  - {name: p, choice: {}}\n")
    assert len(told(HEAD + spec + "  - {fixed: {value: [1]}}\n")) == 2
    assert told(HEAD + spec + "  - {name: p, choice: {}}\n") == before


def test_the_names_of_our_python_fields_are_not_the_documents():
    document = load_yaml(HEAD + "  max_trials: 4\n")
    document["spec"]["parameters"] = [{"name": "a", "int_": {"min": 1, "max": 2}}]
    with pytest.raises(InvalidDocument) as caught:
        parse_experiment(document)
    remedies = {problem.path: problem.remedy for problem in caught.value.problems}
    assert remedies["spec.max_trials"] == "did you mean 'maxTrials'?"
    assert remedies["spec.parameters[0].int_"] == "did you mean 'int'?"


def test_a_document_is_not_changed_by_reading_it():
    document = load_yaml(HEAD + "  maxTrials: many\n  metrics:\n")
    with pytest.raises(InvalidDocument):
        parse_experiment(document)
    assert document == load_yaml(HEAD + "  maxTrials: many\n  metrics:\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: \0", "document: is not YAML: unacceptable character #x0000"),
        ("a: " + "[" * 700 + "]" * 700, "document: is nested too deep"),
        ("a: &x [*x]", "line 1, column 4: is not YAML"),
        ("? [a]\n: 1", "line 1, column 3: has the key ['a'], which is not a text"),
        ("1: a", "line 1, column 1: has the key 1, which is not a text"),
        ("a: !!python/object:os.system x", "line 1, column 4: is not YAML"),
        ("a: 'x", "line 1, column 6: is not YAML"),
    ],
)
def test_a_text_that_is_no_usable_yaml_is_one_problem_on_one_line(text: str, expected: str):
    with pytest.raises(InvalidDocument) as caught:
        load_yaml(text)
    [problem] = caught.value.problems
    assert str(problem).startswith(expected)
    assert len(str(problem).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4), ("1E3", 1e3), ("-.5", -0.5), ("5.", 5.0), ("08", 8.0), ("012", 10), ("0x1F", 31), ("0b11", 3),
        ("1_000", 1000), ("-7", -7), ("+7", 7), ("1:30", "1:30"), ("1.2.3", "1.2.3"), ("2026-01-31", "2026-01-31"),
        ("y", True), ("N", False), ("on", True), ("Off", False), ("yes", True), ("tRUE", "tRUE"), ("~", None),
        ("null", None), ("", None), ("0x", "0x"), ("1e", "1e"), (".", "."), ('"1"', "1"),
    ],
)  # fmt: skip
def test_a_plain_value_is_what_kubectl_makes_of_it(text: str, value: object):
    read = load_yaml(f"{{x: {text}}}")["x"]
    assert (type(read), read) == (type(value), value)


def test_a_key_of_a_mapping_wins_over_what_is_merged_into_it():
    assert load_yaml("base: &b {min: 1, max: 9}\nx: {<<: *b, max: 4}")["x"] == {"min": 1, "max": 4}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"spec": {"experiment": "x", "index": -1, "parameters": {}}}, "spec.index"),
        ({"spec": {"experiment": "x", "index": 0, "parameters": {"a": float("inf")}}}, "spec.parameters.a"),
        ({"spec": {"experiment": "x", "index": 0, "parameters": {"a": [1]}}}, "spec.parameters.a"),
        ({"spec": {"experiment": "x", "index": 0, "parameters": {}, "origin": "Random"}}, "spec.origin"),
        ({"status": {"metrics": {"m": float("nan")}}}, "status.metrics.m"),
        ({"status": {"state": "Done"}}, "status.state"),
        (
            {"status": {"attempts": [{"job": "x-0-a1", "startTime": "yesterday"}]}},
            "status.attempts[0].startTime",
        ),
        (
            {"status": {"attempts": [{"job": "x-0-a1", "endTime": "2026-01-31T12:00:00"}]}},
            "status.attempts[0].endTime",
        ),
        (
            {"status": {"attempts": [{"job": "j", "endTime": "0001-01-01T00:00:00+09:00"}]}},
            "status.attempts[0].endTime",
        ),
        ({"kind": "NASExperiment"}, "kind"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_wrong_trial_is_refused_with_the_field_named(changes: dict[str, object], path: str):
    document = {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASTrial",
        "metadata": {"name": "x-0"},
        "spec": {"experiment": "x", "index": 0, "parameters": {"a": 1}},
    }
    parse_trial(document)
    with pytest.raises(InvalidDocument) as caught:
        parse_trial({**document, **changes})
    assert [problem.path for problem in caught.value.problems] == [path]
