"""The search space in the model's coordinates."""

from itertools import product

import numpy as np
import pytest

from paretonas.search.enumeration import list_points
from paretonas.search.space import Space

CONDITIONAL = [
    {"name": "optimizer", "choice": {"values": ["adam", "sgd"]}},
    {"name": "nesterov", "bool": {}, "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}]},
    {
        "name": "momentum",
        "float": {"min": 0.5, "max": 0.99},
        "activeWhen": [
            {"parameter": "optimizer", "values": ["sgd"]},
            {"parameter": "nesterov", "values": [True]},
        ],
    },
    {"name": "decay", "float": {"min": 0, "max": 1}},
    {"name": "fixed", "fixed": {"value": 7}},
]
CONSTRAINED = [
    {"name": "first", "int": {"min": 16, "max": 128, "scale": "Log"}},
    {"name": "second", "int": {"min": 16, "max": 128, "scale": "Log"}},
    {"name": "third", "intChoice": {"values": [16, 32, 64, 128], "ordered": True}},
    {"name": "share", "float": {"min": 0, "max": 1}},
    {"name": "rest", "floatChoice": {"values": [0.1, 0.5, 0.9], "ordered": True}},
    *CONDITIONAL,
]
CONSTRAINTS = [
    "second <= first",
    "third <= second",
    "share + rest <= 1",
    "decay + momentum <= 1.2",
]


OPERATIONS = ["none", "skip", "conv"]
EDGES = [
    {"name": "edge_1", "choice": {"values": OPERATIONS}},
    {"name": "width", "int": {"min": 16, "max": 128}},
    {"name": "edge_2", "choice": {"values": ["conv", "none", "skip"]}},
    {"name": "pool", "choice": {"values": ["none", "max", "mean"]}},
    {"name": "third", "bool": {}},
    {
        "name": "edge_3",
        "choice": {"values": OPERATIONS},
        "activeWhen": [{"parameter": "third", "values": [True]}],
    },
]


@pytest.fixture(name="space")
def _space(make_spec):
    return lambda *args, **kwargs: Space(make_spec(*args, **kwargs))


def test_every_point_survives_a_round_trip_through_codes_and_features(space) -> None:
    mixed = space(CONSTRAINED)
    codes = mixed.spread(np.random.default_rng(0).random((500, len(mixed.columns))))
    points = [mixed.decode(code) for code in codes]
    np.testing.assert_allclose(mixed.encode(points), codes, atol=1e-12)
    np.testing.assert_array_equal(mixed.from_features(mixed.features(codes)), codes)
    for point in points:
        for name, value in point.items():
            assert mixed.spec.parameter(name).contains(value), (name, value)


def test_choices_with_the_same_values_also_give_the_share_of_each_value_among_them(space) -> None:
    edges = space(EDGES)
    shared = [i for i, name in enumerate(edges.feature_names) if name.startswith("edge_1+edge_2+edge_3=")]
    assert [edges.feature_names[i].rpartition("=")[2] for i in shared] == OPERATIONS
    assert len(edges.feature_names) == len(edges.feature_groups) == 3 + 1 + 3 + 3 + 1 + 3 + 3
    assert {edges.feature_groups[i] for i in shared} == {6}, "a length scale of their own"
    point = {"width": 32, "pool": "none", "third": True}

    def shares(*operations: str) -> list[float]:
        names = [f"edge_{i + 1}" for i in range(len(operations))]
        codes = edges.encode([point | dict(zip(names, operations, strict=True)) | {"third": len(operations) == 3}])
        np.testing.assert_array_equal(edges.from_features(edges.features(codes)), codes)
        return (edges.features(codes)[0, shared] * 3 / 0.5**0.5).round(12).tolist()

    assert shares("conv", "skip", "conv") == shares("conv", "conv", "skip") == [0, 1, 2]
    assert shares("skip", "none", "skip") == [1, 2, 0]
    assert shares("conv", "conv") == [0, 0, 2], "an inactive choice has no value"


def test_ordered_choices_and_those_of_two_values_have_only_features_of_their_own(space) -> None:
    pairs = [
        {"name": f"{kind}_{i}", **domain}
        for i in range(2)
        for kind, domain in {
            "activation": {"choice": {"values": ["relu", "tanh"]}},
            "width": {"intChoice": {"values": [16, 32, 64], "ordered": True}},
            "rate": {"float": {"min": 0, "max": 1}},
        }.items()
    ]
    assert len(space(pairs).feature_names) == len(pairs)


def test_inactive_parameters_are_absent_and_do_not_tell_points_apart(space) -> None:
    conditional = space(CONDITIONAL)
    codes = conditional.spread(np.random.default_rng(0).random((400, len(conditional.columns))))
    points = [conditional.decode(code) for code in codes]
    for point in points:
        sgd = point["optimizer"] == "sgd"
        assert ("nesterov" in point) == sgd
        assert ("momentum" in point) == (sgd and point["nesterov"])
        assert point["fixed"] == 7
    adam = codes[[point["optimizer"] == "adam" for point in points]]
    assert len(np.unique(adam[:, [c.name != "decay" for c in conditional.columns]], axis=0)) == 1


def test_the_vectorised_constraints_agree_with_the_api(space) -> None:
    constrained = space(CONSTRAINED, parameterConstraints=CONSTRAINTS)
    codes = constrained.spread(np.random.default_rng(0).random((2000, len(constrained.columns))))
    feasible = constrained.feasible(codes)
    assert 0.02 < feasible.mean() < 0.9
    for code, ok in zip(codes, feasible, strict=True):
        assert constrained.allows(constrained.decode(code)) == ok, constrained.decode(code)


def test_every_integer_and_every_choice_is_about_as_likely(space) -> None:
    even = space(
        [
            {"name": "number", "int": {"min": 1, "max": 5}},
            {"name": "choice", "choice": {"values": ["a", "b", "c"]}},
            {"name": "steps", "intChoice": {"values": [1, 2, 100], "ordered": True}},
        ]
    )
    codes = even.spread(np.random.default_rng(0).random((6000, 3)))
    for column, size in zip(codes.T, (5, 3, 3), strict=True):
        _, counts = np.unique(column, return_counts=True)
        assert len(counts) == size
        assert counts.min() > 0.85 * 6000 / size


def test_mutants_are_other_real_points(space) -> None:
    mixed = space(CONSTRAINED)
    rng = np.random.default_rng(0)
    codes = mixed.spread(rng.random((300, len(mixed.columns))))
    for reach in (0.2, 0.001):
        mutants, _ = mixed.mutate(codes, rng, reach)
        np.testing.assert_array_equal(mixed.snap(mutants.copy()), mutants)
        changed = (mutants != codes).any(axis=1)
        assert changed.mean() > 0.8  # a step beyond an end comes back to it, and an inactive column stays at rest


def test_neighbours_differ_in_one_choice(space) -> None:
    discrete = space(
        [
            {"name": "a", "choice": {"values": ["x", "y", "z"]}},
            {"name": "b", "intChoice": {"values": [1, 2, 3, 4], "ordered": True}},
            {"name": "c", "float": {"min": 0, "max": 1}},
        ]
    )
    code = discrete.encode([{"a": "y", "b": 3, "c": 0.25}])[0]
    neighbours = [discrete.decode(n) for n in discrete.neighbours(code)]
    assert [(n["a"], n["b"]) for n in neighbours] == [("x", 3), ("z", 3), ("y", 1), ("y", 2), ("y", 4)]


def test_all_points_of_a_small_space_are_listed_with_conditions_and_constraints(space) -> None:
    small = space(
        [
            {"name": "a", "int": {"min": 1, "max": 4}},
            {"name": "b", "intChoice": {"values": [1, 2, 4], "ordered": True}},
            {"name": "on", "bool": {}},
            {"name": "c", "int": {"min": 0, "max": 3}, "activeWhen": [{"parameter": "on", "values": [True]}]},
        ],
        parameterConstraints=["b <= a", "a + c <= 5"],
    )
    expected = {
        (a, b, on, c)
        for a, b, on, c in product(range(1, 5), (1, 2, 4), (False, True), (None, 0, 1, 2, 3))
        if b <= a and (c is None) != on and (c is None or a + c <= 5)
    }
    assert {small.key(small.decode(code)) for code in list_points(small)} == expected
    assert len(list_points(small)) == len(expected)


@pytest.mark.parametrize(
    "parameters",
    [
        [{"name": "x", "float": {"min": 0, "max": 1}}],
        [{"name": f"x{i}", "int": {"min": 0, "max": 9}} for i in range(6)],
    ],
)
def test_a_space_that_cannot_be_exhausted_is_not_listed(space, parameters) -> None:
    assert list_points(space(parameters)) is None


def test_a_huge_box_with_few_feasible_points_is_listed(space) -> None:
    bits = [{"name": f"b{i}", "int": {"min": 0, "max": 1}} for i in range(30)]
    one_hot = space(bits, parameterConstraints=[" + ".join(f"b{i}" for i in range(30)) + " <= 1"])
    assert len(list_points(one_hot)) == 31


def test_a_users_point_outside_the_domain_gets_the_nearest_code(space) -> None:
    mixed = space()
    inside = {"width": 16, "rate": 1e-2, "batch": 32, "optimizer": "adam", "dropout": 0.5}
    outside = {**inside, "width": 3, "rate": 1.0, "dropout": 2}
    np.testing.assert_array_equal(mixed.encode([outside]), mixed.encode([inside]))


def test_a_json_round_trip_does_not_make_another_point(space) -> None:
    mixed = space()
    point = {"width": 16, "rate": 1e-3, "batch": 32, "optimizer": "adam", "dropout": 0.0}
    assert mixed.key({**point, "dropout": 0, "width": 16.0}) == mixed.key(point)
