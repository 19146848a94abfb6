from math import log10

import pytest
from tests.builders import experiment
from tests.unit.report.made_up import EVIL, Search, conditional, conditional_metrics, search

from paretonas import extras
from paretonas.extras import MissingExtra
from paretonas.report.model import model_document


@pytest.fixture(scope="module")
def made() -> Search:
    """Random points; the cost depends on the width most."""
    return search(conditional(), conditional_metrics, lambda _: {}, count=30, initial=30)


@pytest.fixture(scope="module")
def document(made: Search) -> dict[str, object]:
    return model_document(made.experiment.spec, made.trials)


def test_every_metric_is_explained(document):
    assert [each["metric"] for each in document["metrics"]] == ["E", "cost"]
    assert document["note"] == ""


def test_a_page_takes_what_the_model_says(made: Search, document):
    assert made.document(model=document)["model"] == document


def test_a_value_of_a_choice_stays_the_users(document):
    [effect] = [e for each in document["metrics"] for e in each["effects"] if e["parameter"] == "optimizer"][:1]
    assert effect["values"] == ["adam", EVIL, "sgd"]


def test_every_trial_is_predicted_from_the_others(made: Search, document):
    checked = document["metrics"][1]["cross_validation"]
    costs = {t.spec.index: t.status.metrics["cost"] for t in made.trials if t.status.metrics}
    assert {index: measured for index, measured, *_ in checked} == costs
    for _, _, predicted, low, high in checked:
        assert 0 < low < predicted < high, "its scale is Log"
    errors = [abs(log10(predicted) - log10(measured)) for _, measured, predicted, *_ in checked]
    assert sum(errors) / len(errors) < 0.2


def test_too_few_results_are_a_sentence():
    made = search(conditional(), conditional_metrics, lambda _: {}, count=4)
    assert model_document(made.experiment.spec, made.trials) == {"missing": "A model needs 5 results; there are 4 yet."}


def test_where_nothing_varies_there_is_nothing_to_model():
    fixed = experiment(parameters=[{"name": "x", "fixed": {"value": 1}}])
    trials = search(fixed, lambda _: {"accuracy": 1.0, "size": 1.0}, lambda _: {}, count=6).trials
    assert model_document(fixed.spec, trials) == {"missing": "There is nothing to model: no parameter varies."}


def test_without_the_search_the_page_says_what_to_install(made: Search, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else object())
    said = model_document(made.experiment.spec, made.trials)["missing"]
    assert "paretonas[local] (torch is not installed); to install it: " in said
    with pytest.raises(MissingExtra):
        model_document(made.experiment.spec, made.trials, required=True)
