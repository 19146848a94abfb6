import itertools
from collections.abc import Iterator

import numpy as np
import pytest
from benchmarks.tables import LOSS, MIXED_SPACE, SIZE, Choice, Parameters, Table, hypervolume, load

# An independent count over the same tables gave these figures.
EXACT = {
    "naval_propulsion": 0.96704,
    "parkinsons_telemonitoring": 0.98576,
    "protein_structure": 0.98022,
    "slice_localization": 0.97115,
}


@pytest.mark.parametrize("name", EXACT)
def test_the_exact_hypervolume_of_a_table_is_the_known_figure(name: str) -> None:
    assert load(name).hypervolume == pytest.approx(EXACT[name], abs=5e-6)


@pytest.mark.parametrize(
    ("name", "configurations", "metrics"),
    [
        ("nasbench201_cifar10", 15_625, ["val_acc", "latency"]),
        ("hpobench_vehicle", 30_000, ["val_acc", "train_time"]),
        ("hpobench_car", 30_000, ["val_acc", "train_time"]),
    ],
)
def test_an_accuracy_is_maximised_and_what_it_costs_is_minimised(
    name: str, configurations: int, metrics: list[str]
) -> None:
    table = load(name)
    assert table.points.shape == (configurations, 2)
    assert list(table.worst) == metrics
    everything = [table.metrics(point) for point in _configurations(table)]
    ends = {metrics[0]: max(m[metrics[0]] for m in everything), metrics[1]: min(m[metrics[1]] for m in everything)}
    assert table.share([ends]) > 1.0, "no configuration has both"
    assert table.share([table.worst]) == 0.0
    assert table.share(everything) == pytest.approx(1.0)
    rows = np.array([[found[metric] for metric in metrics] for found in everything])
    beyond = [(rows[:, 0] < table.worst[metrics[0]]).mean(), (rows[:, 1] > table.worst[metrics[1]]).mean()]
    assert beyond == pytest.approx([0.1, 0.1], abs=1e-3), "a tenth of the configurations is of no interest"


def test_every_configuration_of_a_table_is_there_and_normalised() -> None:
    points = load("protein_structure").points
    assert points.shape == (62_208, 2)
    assert points.min(axis=0).tolist() == [0.0, 0.0]
    assert points.max(axis=0).tolist() == [1.0, 1.0]


def test_a_hypervolume_is_the_area_that_two_points_dominate_together() -> None:
    assert hypervolume(np.array([[0.5, 0.25], [0.25, 0.5], [0.75, 0.75]])) == pytest.approx(0.5)


def test_the_whole_table_has_the_whole_share_and_the_worst_point_none() -> None:
    naval = load("naval_propulsion")
    metrics = [naval.metrics(point) for point in _configurations(naval)]
    assert naval.share(metrics) == pytest.approx(1.0)
    assert naval.share([naval.worst]) == 0.0


def test_a_share_does_not_change_with_a_dominated_evaluation() -> None:
    naval = load("naval_propulsion")
    good = {LOSS: 1e-3, SIZE: 1000.0}
    alone = naval.share([good])
    assert 0 < alone < 1
    assert naval.share([good, {LOSS: 1.0, SIZE: 5000.0}]) == alone


def test_interpolation_meets_the_tabulated_values_and_stays_between_neighbours() -> None:
    naval = load("naval_propulsion")
    point = {parameter.name: _first(parameter) for parameter in naval.space}
    assert naval.interpolated(point) == pytest.approx(naval.metrics(point))
    neighbour = point | {"n_units_1": 32}
    between = naval.interpolated(point | {"n_units_1": 20})
    low, high = sorted([naval.metrics(point)[SIZE], naval.metrics(neighbour)[SIZE]])
    assert low < between[SIZE] < high


def test_the_mixed_space_has_the_parameters_of_the_tables() -> None:
    assert [p.name for p in MIXED_SPACE] == [p.name for p in load("naval_propulsion").space]


def _configurations(table: Table) -> Iterator[Parameters]:
    names = [choice.name for choice in table.space]
    for values in itertools.product(*(choice.values for choice in table.space if isinstance(choice, Choice))):
        yield dict(zip(names, values, strict=True))


def _first(parameter: object) -> str | int | float:
    assert isinstance(parameter, Choice), "an FCNet table has choices only"
    return parameter.values[0]
