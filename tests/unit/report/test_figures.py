from datetime import timedelta
from math import inf, log10, nan
from typing import Any

import pytest
from plotly import graph_objects
from tests.builders import attempt, experiment, trial
from tests.unit.report.made_up import EXAMPLES, START, Search, objective

from paretonas.api import NASTrial
from paretonas.report.curves import MAX_NAMED, MAX_TAGS, learning_curves
from paretonas.report.figure import TEMPLATE, Figure
from paretonas.report.history import hypervolume
from paretonas.report.parallel_coordinates import parallel_coordinates
from paretonas.report.pareto_plot import best_so_far, tradeoff
from paretonas.report.results import Results
from paretonas.report.sections import sections
from paretonas.report.text import hover
from paretonas.search import pareto


def results_of(made: Search) -> Results:
    return Results(made.experiment, tuple(made.trials))


def results(objectives: list[dict[str, Any]], *values: tuple[float, ...], **spec: Any) -> Results:
    """Trials that succeeded one after the other with these values of the objectives."""
    names = [each["metric"] for each in objectives]
    trials = [trial(i, "Succeeded", metrics=dict(zip(names, point, strict=True))) for i, point in enumerate(values)]
    return Results(experiment(objectives=objectives, **spec), tuple(trials))


def marks(figure: Figure) -> dict[str, set[tuple[float, float]]]:
    """The points of each kind of trial."""
    traces = [trace for trace in figure["data"] if trace["mode"] == "markers"]
    return {trace["name"]: set(zip(trace["x"], trace["y"], strict=True)) for trace in traces}


def line(figure: Figure, *, filled: bool) -> list[tuple[float, float]]:
    [trace] = [t for t in figure["data"] if t["mode"] == "lines" and ("fill" in t) == filled]
    return list(zip(trace["x"], trace["y"], strict=True))


@pytest.mark.parametrize("name", EXAMPLES)
def test_plotly_accepts_every_figure(name: str):
    made = EXAMPLES[name]()
    for section in sections(results_of(made), made.curves):
        for plot in section.plots:
            graph_objects.Figure(plot.figure)


def test_plotly_accepts_the_template():
    graph_objects.layout.Template(TEMPLATE)


def test_the_tradeoff_shows_each_trial_where_it_was_measured():
    found = results_of(EXAMPLES["two"]())
    accuracy, size = found.objectives
    figure = tradeoff(found, size, accuracy).figure
    places = {t.name: (t.status.metrics["num_params"], t.status.metrics["val_acc"]) for t in found.succeeded}
    shown = marks(figure)
    assert shown["Pareto set"] == {places[name] for name in found.front_names}
    assert shown["outside"] == {places[t.name] for t in found.succeeded if not found.feasible(t)}
    assert set.union(*shown.values()) == set(places.values())


def test_a_mark_tells_its_trial_and_has_the_colour_of_its_order():
    found = results([objective("a"), objective("b")], (1.0, 2.0), (2.0, 1.0), (3.0, 3.0))
    [front] = [t for t in tradeoff(found, *found.objectives).figure["data"] if t.get("name") == "Pareto set"]
    assert front["marker"]["color"] == [0, 1]
    assert front["text"][1] == "<b>nas-1</b><br><br>a = 2<br>b = 1<br><br>x = 0.5"


def test_a_box_beside_the_pointer_has_room_for_twelve_parameters():
    many = trial(0, "Succeeded")
    many = many.replace(spec=many.spec.replace(parameters={f"p{i}": i for i in range(20)}))
    text = hover(many)
    assert "p11 = 11<br>… and 8 more" in text
    assert "p12" not in text


BEST_FIRST = {"Minimize": 1.0, "Maximize": -1.0}


@pytest.mark.parametrize("x_goal", BEST_FIRST)
@pytest.mark.parametrize("y_goal", BEST_FIRST)
def test_the_staircase_turns_with_the_goals(x_goal: str, y_goal: str):
    sx, sy = BEST_FIRST[x_goal], BEST_FIRST[y_goal]
    points = [(1.0, 3.0), (2.0, 2.0), (3.0, 1.0), (3.0, 3.0)]
    found = results(
        [objective("a", x_goal, threshold=4 * sx), objective("b", y_goal, threshold=4 * sy)],
        *((sx * x, sy * y) for x, y in points),
    )
    figure = tradeoff(found, *found.objectives).figure
    stairs = [(1.0, 3.0), (2.0, 3.0), (2.0, 2.0), (3.0, 2.0), (3.0, 1.0)]
    assert line(figure, filled=False) == [(sx * x, sy * y) for x, y in stairs]
    outline = [(1.0, 4.0), *stairs, (4.0, 1.0), (4.0, 4.0)]
    assert line(figure, filled=True) == [(sx * x, sy * y) for x, y in outline]


@pytest.mark.parametrize("name", ["two", "log"])
def test_the_tinted_area_is_the_hypervolume(name: str):
    found = results_of(EXAMPLES[name]())
    y, x = found.objectives
    outline = [(log10(a) if x.scale == "Log" else a, b) for a, b in line(tradeoff(found, x, y).figure, filled=True)]
    shoelace = sum(ax * by - bx * ay for (ax, ay), (bx, by) in zip(outline, [*outline[1:], outline[0]], strict=True))
    assert abs(shoelace) / 2 == pytest.approx(found.hypervolumes[-1])


def test_a_trial_beyond_the_reference_point_is_on_the_front_but_adds_no_area():
    found = results([objective("a"), objective("b")], (1.0, 1.0), (9.0, 0.5))
    status = found.experiment.status.replace(reference_point={"a": 2.0, "b": 3.0})
    found = Results(found.experiment.replace(status=status), found.trials)
    figure = tradeoff(found, *found.objectives).figure
    assert line(figure, filled=False) == [(1.0, 1.0), (9.0, 1.0), (9.0, 0.5)]
    assert line(figure, filled=True) == [(1.0, 3.0), (1.0, 1.0), (2.0, 1.0), (2.0, 3.0)]


def test_a_log_objective_has_a_log_axis_with_its_threshold_on_it():
    found = results([objective("a", threshold=100.0, scale="Log"), objective("b")], (1.0, 2.0), (10.0, 1.0))
    layout = tradeoff(found, *found.objectives).figure["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert layout["shapes"][0]["x0"] == 100.0
    assert layout["annotations"][0]["x"] == 2.0, "Plotly places texts on a log axis by their logarithm"
    assert layout["annotations"][0]["text"] == "threshold 100"
    assert "type" not in layout["yaxis"]


def test_a_target_is_a_line_of_its_own_beside_the_threshold():
    found = results([objective("a", threshold=100.0, target=10.0), objective("b", target=0.25)], (1.0, 2.0))
    layout = tradeoff(found, *found.objectives).figure["layout"]
    assert [text["text"] for text in layout["annotations"]] == ["threshold 100", "target 10", "target 0.25"]
    assert [(line.get("x0"), line.get("y0")) for line in layout["shapes"]] == [(100.0, 0), (10.0, 0), (0, 0.25)]


def test_trials_far_from_the_front_are_left_out_at_first_and_counted():
    found = results(
        [objective("a", "Maximize", threshold=0.9), objective("b", threshold=10.0)],
        (0.95, 5.0),
        (0.1, 1.0),
        (0.2, 2.0),
    )
    plot = tradeoff(found, *found.objectives)
    low, high = plot.figure["layout"]["xaxis"]["range"]
    assert 0.2 < low < 0.9
    assert high > 0.95
    assert plot.note == "2 of 3 trials lie outside this view."
    buttons = plot.figure["layout"]["updatemenus"][0]["buttons"]
    assert [b["label"] for b in buttons] == ["Around the front", "All trials"]


def test_three_objectives_are_shown_in_pairs_without_a_line():
    found = results_of(EXAMPLES["three"]())
    [front, *_] = sections(found, {})
    titles = [
        (plot.figure["layout"]["xaxis"]["title"]["text"], plot.figure["layout"]["yaxis"]["title"]["text"])
        for plot in front.plots
    ]
    assert titles == [("num_params", "val_acc"), ("energy_j", "val_acc"), ("energy_j", "num_params")]
    assert all(trace["mode"] == "markers" for plot in front.plots for trace in plot.figure["data"])
    for plot in front.plots:
        assert sum(len(trace["x"]) for trace in plot.figure["data"]) == len(found.succeeded)


@pytest.mark.parametrize(("goal", "expected"), [("Maximize", [2.0, 2.0, 3.0]), ("Minimize", [2.0, 1.0, 1.0])])
def test_the_best_so_far_never_gets_worse(goal: str, expected: list[float]):
    found = results([objective("a", goal)], (2.0,), (1.0,), (3.0,))
    assert [y for _, y in line(best_so_far(found).figure, filled=False)] == expected


def test_failed_trials_take_a_place_but_have_no_value():
    found = results([objective("a", threshold=2.5)], (3.0,), (2.0,))
    failed = trial(2, "Failed")
    found = Results(found.experiment, (*found.trials, failed))
    figure = best_so_far(found).figure
    assert line(figure, filled=False) == [(1, None), (2, 2.0), (3, 2.0)], "3.0 is worse than the threshold"
    assert marks(figure) == {"outside": {(1, 3.0)}, "Pareto set": {(2, 2.0)}}


def test_the_hypervolume_is_drawn_in_the_order_in_which_trials_ended():
    ends = [attempt(end_time=START + timedelta(seconds=seconds)) for seconds in (9, 3, 5)]
    first = trial(0, "Succeeded", metrics={"accuracy": 0.5, "size": 50.0}, attempts=(ends[0],))
    second = trial(1, "Succeeded", metrics={"accuracy": 0.9, "size": 90.0}, attempts=(ends[1],))
    third = trial(2, "Failed", attempts=(ends[2],))
    found = Results(experiment(), (first, second, third))
    [drawn] = hypervolume(found).figure["data"]
    assert [each.name for each in found.ended] == ["nas-1", "nas-2", "nas-0"]
    spec, reference = found.experiment.spec, {"accuracy": 0.0, "size": 100.0}
    alone = pareto.hypervolume(spec, [second.status.metrics], reference)
    both = pareto.hypervolume(spec, [second.status.metrics, first.status.metrics], reference)
    assert drawn["x"] == [1, 2, 3]
    assert drawn["y"] == [alone, alone, both]


def dimensions(found: Results) -> dict[str, dict[str, Any]]:
    [trace] = parallel_coordinates(found).figure["data"]
    return {dimension["label"]: dimension for dimension in trace["dimensions"]}


def test_parallel_coordinates_hold_every_value():
    found = results_of(EXAMPLES["conditional"]())
    drawn = dimensions(found)
    points = [trial.spec.parameters for trial in found.succeeded]
    assert "classes" not in drawn, "it is the same in every trial"
    assert drawn["depth"]["values"] == [point["depth"] for point in points]
    assert drawn["lambda"]["values"] == [log10(float(point["lambda"])) for point in points]
    assert drawn["lambda"]["range"] == [-6, 0]
    assert drawn["width"]["ticktext"] == ["16", "32", "64"]
    assert [("16", "32", "64")[place] for place in drawn["width"]["values"]] == [str(p["width"]) for p in points]
    assert drawn["E"]["values"] == [trial.status.metrics["E"] for trial in found.succeeded]
    assert drawn["cost"]["values"] == [log10(trial.status.metrics["cost"]) for trial in found.succeeded]
    in_front = [("no", "yes")[place] == "yes" for place in drawn["Pareto set"]["values"]]
    assert in_front == [trial.name in found.front_names for trial in found.succeeded]


def test_a_point_of_the_user_that_has_no_logarithm_stands_at_the_end_of_its_axis():
    lone = trial(0, "Succeeded", x=-1.0)
    of = experiment(parameters=[{"name": "x", "float": {"min": 0.01, "max": 1.0, "scale": "Log"}}])
    assert dimensions(Results(of, (lone,)))["x"]["values"] == [-2.0]


def test_an_inactive_parameter_stands_below_its_axis():
    found = results_of(EXAMPLES["conditional"]())
    momentum = dimensions(found)["momentum"]
    below = momentum["tickvals"][momentum["ticktext"].index("inactive")]
    values = [trial.spec.parameters.get("momentum", below) for trial in found.succeeded]
    assert momentum["values"] == values
    assert below == momentum["range"][0] < 0.5


def test_better_is_up_on_every_objective():
    drawn = dimensions(results([objective("a", "Maximize"), objective("b")], (1.0, 2.0), (3.0, 4.0)))
    assert drawn["a"]["range"] == [1.0, 3.0]
    assert drawn["b"]["range"] == [4.0, 2.0]


@pytest.mark.parametrize(
    ("values", "scale", "ticks"),
    [
        ([16.0, 128.0], "Log", ["16", "20", "50", "100", "128"]),
        (
            [1e-9, 1.0],
            "Log",
            ["1e-09", "1e-08", "1e-07", "1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"],
        ),
        ([0.93, 0.975], "Linear", ["0.93", "0.94", "0.95", "0.96", "0.97", "0.975"]),
        ([5.0, 5.0], "Linear", ["5"]),
    ],
)
def test_an_axis_shows_its_ends_and_round_numbers(values: list[float], scale: str, ticks: list[str]):
    found = results([objective("a", scale=scale), objective("b")], *((value, 1.0) for value in values))
    assert dimensions(found)["a"]["ticktext"] == ticks


def with_curves(count: int = 3) -> tuple[Results, NASTrial]:
    found = results(
        [objective("a"), objective("b")],
        *((float(i), float(count - i)) for i in range(count)),
        maxTrials=count,
    )
    return found, found.trials[-1]


def test_a_curve_holds_what_was_logged():
    made = EXAMPLES["two"]()
    found = results_of(made)
    plot = learning_curves(found, made.curves)
    assert plot is not None
    assert [a["text"] for a in plot.figure["layout"]["annotations"]] == [
        "<b>val_acc</b>",
        "<b>train_loss</b>",
    ]
    for name in found.front_names:
        [curve] = [t for t in plot.figure["data"] if t["name"] == name and t["yaxis"] == "y2"]
        logged = made.curves[name]["train_loss"]
        assert curve["x"] == [step for step, _ in logged]
        assert curve["y"] == pytest.approx([value for _, value in logged], rel=1e-5)
    [others] = [t for t in plot.figure["data"] if t["name"] == "other trials" and t["yaxis"] == "y"]
    drawn = [(i, x, y) for i, x, y in zip(others["customdata"], others["x"], others["y"], strict=True) if y is not None]
    rest = [t for t in found.trials if t.name not in found.front_names and t.name in made.curves]
    logged_by_rest = [(t.spec.index, *point) for t in rest for point in made.curves[t.name]["val_acc"]]
    assert drawn == [(index, step, pytest.approx(value, rel=1e-5)) for index, step, value in logged_by_rest]


def test_a_name_stands_once_in_the_legend_and_switches_all_its_curves():
    found, last = with_curves()
    plot = learning_curves(found, {last.name: {"p": [(0, 1.0), (1, 2.0)], "q": [(0, 1.0), (1, 2.0)]}})
    assert plot is not None
    curves = [trace for trace in plot.figure["data"] if trace["name"] == last.name]
    assert [trace["showlegend"] for trace in curves] == [True, False]


def test_a_long_curve_is_thinned_and_keeps_its_ends():
    found, last = with_curves()
    plot = learning_curves(found, {last.name: {"p": [(step, float(step)) for step in range(10_000)]}})
    assert plot is not None
    [curve] = [trace for trace in plot.figure["data"] if trace["name"] == last.name]
    assert len(curve["x"]) == 300
    assert (curve["x"][0], curve["x"][-1]) == (0, 9_999)
    assert plot.note == "Longer curves are thinned to 300 points, grey ones to 300."


def test_what_is_not_finite_is_a_gap():
    found, last = with_curves()
    plot = learning_curves(found, {last.name: {"p": [(0, 1.0), (1, nan), (2, inf), (3, 2.0)]}})
    assert plot is not None
    [curve] = [trace for trace in plot.figure["data"] if trace["name"] == last.name]
    assert curve["y"] == [1.0, None, None, 2.0]


def test_the_objectives_come_first_among_the_tags_and_the_rest_is_counted():
    found, last = with_curves()
    tags = [f"t{i:02}" for i in range(20)] + ["b"]
    plot = learning_curves(found, {last.name: {tag: [(0, 1.0), (1, 2.0)] for tag in tags}})
    assert plot is not None
    titles = [annotation["text"] for annotation in plot.figure["layout"]["annotations"]]
    assert titles[:2] == ["<b>b</b>", "<b>t00</b>"]
    assert len(titles) == MAX_TAGS
    assert plot.note == "12 of 21 tags are drawn."


def test_of_a_large_pareto_set_some_are_named_from_end_to_end():
    found, _ = with_curves(50)
    plot = learning_curves(found, {t.name: {"p": [(0, 1.0), (1, 2.0)]} for t in found.trials})
    assert plot is not None
    named = [trace["name"] for trace in plot.figure["data"] if trace["name"] != "other trials"]
    assert len(named) == MAX_NAMED
    assert (named[0], named[-1]) == ("nas-0", "nas-49")
    assert plot.note == "20 of the 50 trials in the Pareto set are named."


def test_scalars_that_were_logged_once_are_no_curves():
    found, last = with_curves()
    assert learning_curves(found, {last.name: {"num_params": [(0, 1.0)]}}) is None
