import base64
from math import log10
from typing import Any

import numpy as np
import pytest
from tests.builders import experiment, spec
from tests.unit.report.made_up import EVIL, Search, conditional, conditional_metrics, search

from paretonas.report.figure import Plot
from paretonas.report.model import model_sections
from paretonas.search import KnownTrial, analyses


def numbers(array: Any) -> list[float]:
    """What Plotly keeps as a list, or as the bytes of one."""
    if isinstance(array, list):
        return array
    return np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"]).tolist()


@pytest.fixture(scope="module")
def made() -> Search:
    """Random points; the cost depends on the width most. Ax would read lambda, and E, as something else."""
    return search(conditional(), conditional_metrics, lambda _: {}, count=16, initial=16)


@pytest.fixture(scope="module")
def plots(made: Search) -> dict[str, list[Plot]]:
    """Ax is asked once: it takes seconds."""
    return {section.name: list(section.plots) for section in model_sections(made.experiment.spec, made.trials)}


def test_there_is_a_figure_of_each_kind_for_each_metric(plots: dict[str, list[Plot]]):
    assert {name: len(of) for name, of in plots.items()} == {
        "sensitivity": 2,
        "contour": 2,
        "crossvalidation": 2,
    }
    assert all(plot.figure["data"] for of in plots.values() for plot in of)


def test_trials_that_the_model_is_not_given_are_told(made: Search, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(analyses, "analyse", lambda *_: [])
    succeeded = sum(trial.status.state == "Succeeded" for trial in made.trials)
    note = f"Of {succeeded} trials the model is given 8, evenly chosen."
    assert not any(note in section.lead for section in model_sections(made.experiment.spec, made.trials))
    monkeypatch.setattr(analyses, "MOST_TRIALS", 8)
    assert all(note in section.lead for section in model_sections(made.experiment.spec, made.trials))


def test_names_are_those_of_the_user(plots: dict[str, list[Plot]]):
    texts = [text for of in plots.values() for plot in of for text in (plot.title, plot.explanation, str(plot.figure))]
    assert [text for text in texts if "metric_" in text or "OH_PARAM" in text] == []
    assert "Sensitivity Analysis for log10(cost)" in [plot.title for plot in plots["sensitivity"]]


def test_the_parameter_that_matters_leads_the_sensitivities(plots: dict[str, list[Plot]]):
    cost = plots["sensitivity"][1].figure["data"]
    shares = {name: share for bars in cost for name, share in zip(bars["y"], numbers(bars["x"]), strict=True)}
    assert max(shares, key=lambda name: shares[name]) == "width"
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_choice_is_named_by_its_values_and_stays_text(plots: dict[str, list[Plot]]):
    names = [name for plot in plots["sensitivity"] for bars in plot.figure["data"] for name in bars["y"]]
    assert "optimizer = adam" in names
    assert [name for name in names if "<" in name] == []
    assert any("&lt;img" in name for name in names), f"{EVIL} is a value too"


def test_a_contour_spans_the_two_most_important_parameters_with_an_order(plots: dict[str, list[Plot]]):
    axes = [plot.figure["layout"][axis]["title"]["text"] for plot in plots["contour"] for axis in ("xaxis", "yaxis")]
    assert set(axes) <= {"momentum", "lambda", "depth", "width"}
    assert axes[2] == "width"


@pytest.mark.parametrize(
    "domain",
    [
        {"min": 2e-6, "max": 9e-6, "scale": "Log"},
        {"min": 4e11, "max": 4e11 + 2},
        {"min": -8e307, "max": 7e307},
    ],
    ids=["narrow", "far from 0", "wide"],
)
def test_the_axis_of_a_real_number_has_its_values_however_narrow_or_wide_its_range_is(domain: dict[str, Any]):
    of = experiment(
        objectives=[{"metric": "loss", "goal": "Minimize"}],
        parameters=[{"name": "x", "float": domain}, {"name": "y", "int": {"min": 1, "max": 9}}],
    )
    made = search(of, lambda p: {"loss": p["x"] / 4 / domain["max"] + p["y"]}, lambda _: {}, count=7, initial=7)
    cards = analyses.analyse(
        of.spec,
        [KnownTrial(t.spec.index, t.spec.parameters, "Observed", t.status.metrics) for t in made.trials],
    )
    [contour] = [card.figure for card in cards if card.kind == "Contour"]
    [axis] = [axis for axis in "xy" if contour["layout"][f"{axis}axis"]["title"]["text"] == "x"]
    surface, sampled = (numbers(trace[axis]) for trace in contour["data"])
    assert (min(surface), max(surface)) == pytest.approx((domain["min"], domain["max"]), rel=1e-12)
    assert sorted(sampled) == pytest.approx(sorted(t.spec.parameters["x"] for t in made.trials), rel=1e-12)
    assert contour["layout"][f"{axis}axis"].get("type") == ("log" if "scale" in domain else None)


def test_every_trial_is_predicted_from_the_others(made: Search, plots: dict[str, list[Plot]]):
    [marks] = plots["crossvalidation"][1].figure["data"]
    costs = {str(t.spec.index): log10(t.status.metrics["cost"]) for t in made.trials if t.status.metrics}
    assert dict(zip(marks["text"], numbers(marks["x"]), strict=True)) == pytest.approx(costs)


def test_too_few_results_are_a_sentence():
    made = search(conditional(), conditional_metrics, lambda _: {}, count=4)
    [section] = model_sections(made.experiment.spec, made.trials)
    assert section.plots == []
    assert section.empty == "A model needs 5 results; there are 4 yet."


def test_where_nothing_varies_there_is_nothing_to_model():
    fixed = experiment(parameters=[{"name": "x", "fixed": {"value": 1}}])
    trials = search(fixed, lambda _: {"accuracy": 1.0, "size": 1.0}, lambda _: {}, count=6).trials
    [section] = model_sections(fixed.spec, trials)
    assert section.empty == "There is nothing to model: no parameter varies."


def test_what_ax_cannot_draw_is_said(monkeypatch):
    from paretonas.search import analyses  # noqa: PLC0415 # imports Ax: collecting the tests stays quick

    card = analyses.Card("Contour", "a", "a vs. x, y", "x is a choice", {})
    monkeypatch.setattr(analyses, "analyse", lambda *_: [card])
    plots = [plot for section in model_sections(spec(), []) for plot in section.plots]
    assert plots == [Plot({}, 0, "a vs. x, y", note="Ax could not draw this: x is a choice")]
