"""No candidate ever breaks a parameter constraint, whoever chose it."""

import numpy as np
import pytest

from paretonas.api.reasons import EndReason
from paretonas.search import SearchError, suggest_here
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space

LAYERS = [{"name": f"h{i}", "int": {"min": 16, "max": 512, "scale": "Log"}} for i in range(1, 5)]
MOMENTUM = {
    "name": "momentum",
    "float": {"min": 0.5, "max": 0.99},
    "activeWhen": [{"parameter": "optimizer", "values": ["sgd"]}],
}
OTHERS = [
    {"name": "optimizer", "choice": {"values": ["adam", "sgd"]}},
    MOMENTUM,
    {"name": "batch", "intChoice": {"values": [8, 16, 32, 64], "ordered": True}},
    {"name": "decay", "float": {"min": 0, "max": 1}},
    {"name": "lowest", "float": {"min": 1e-5, "max": 1e-2, "scale": "Log"}},
    {"name": "highest", "float": {"min": 1e-5, "max": 1e-1, "scale": "Log"}},
]
CONSTRAINTS = [
    "h2 <= h1",
    "h3 <= 0.5*h2",
    "h4 <= h3",
    "decay + momentum <= 1.2",
    "lowest <= 0.1*highest",
    "0.01*batch + decay <= 1",
]


@pytest.fixture(name="constrained")
def _constrained(make_spec):
    return make_spec([*LAYERS, *OTHERS], parameterConstraints=CONSTRAINTS, search={"initialTrials": 6})


def test_thousands_of_quasi_random_points_keep_them(constrained) -> None:
    space = Space(constrained)
    points = [space.decode(code) for code in Sampler(space).sequence(3000)]
    broken = [point for point in points if not all(c.is_satisfied_by(point) for c in constrained.linear_constraints)]
    assert not broken, broken[0]
    assert len({space.key(point) for point in points}) > 2900


def test_tens_of_the_models_candidates_keep_them(constrained, observed) -> None:
    known = observed(c.parameters for c in suggest_here(constrained, [], 6).candidates)
    for _ in range(8):
        candidates = suggest_here(constrained, known, 3).candidates
        assert {c.origin for c in candidates} == {"BayesianOptimization"}
        for candidate in candidates:
            point = candidate.parameters
            assert all(c.is_satisfied_by(point) for c in constrained.linear_constraints), point
            assert ("momentum" in point) == (point["optimizer"] == "sgd")
        known += observed((c.parameters for c in candidates), len(known))


def test_a_corner_that_chance_never_meets_is_found(make_spec) -> None:
    corner = make_spec(
        [{"name": f"x{i}", "float": {"min": 1, "max": 10}} for i in range(5)]
        + [{"name": "n", "intChoice": {"values": [2, 5, 9], "ordered": True}}],
        parameterConstraints=["x0 + x1 + x2 + x3 + x4 + n <= 7.05", "x1 <= x0"],
    )
    candidates = suggest_here(corner, [], 8).candidates
    assert len({tuple(c.parameters.values()) for c in candidates}) == 8
    for candidate in candidates:
        assert all(c.is_satisfied_by(candidate.parameters) for c in corner.linear_constraints), candidate


def test_constraints_that_no_point_keeps_are_said_so(make_spec) -> None:
    impossible = make_spec(
        [{"name": name, "float": {"min": 0, "max": 1}} for name in "abc"],
        parameterConstraints=["a + b <= 0.5", "a - b >= 0.6"],
    )
    with pytest.raises(SearchError, match=r"no point .* 'a \+ b <= 0.5', 'a - b >= 0.6'"):
        suggest_here(impossible, [], 1)


def test_an_order_with_factor_one_survives_rounding(make_spec) -> None:
    ordered = make_spec(
        [{"name": name, "int": {"min": 1, "max": 3, "scale": "Log"}} for name in "ab"],
        parameterConstraints=["b <= a"],
    )
    suggestion = suggest_here(ordered, [], 10)
    found = sorted((c.parameters["a"], c.parameters["b"]) for c in suggestion.candidates)
    assert found == [(a, b) for a in (1, 2, 3) for b in range(1, a + 1)]
    assert suggestion.no_more is EndReason.SEARCH_SPACE_EXHAUSTED


def test_the_pool_does_not_crowd_where_constraints_are_tight(make_spec) -> None:
    tight = make_spec(
        [{"name": f"x{i}", "float": {"min": 0, "max": 10}} for i in range(6)],
        parameterConstraints=["x0 + x1 + x2 + x3 + x4 + x5 <= 0.5"],
    )
    space = Space(tight)
    codes = Sampler(space).sequence(256)
    assert space.feasible(codes).all()
    assert len(np.unique(codes, axis=0)) > 200
