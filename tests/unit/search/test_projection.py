"""The nearest point that keeps every constraint, where building points one parameter at a time finds few."""

import numpy as np
import pytest
from tests.unit.search.conftest import make_spec

from paretonas.search import SearchError
from paretonas.search.projection import nearest
from paretonas.search.space import Space


def number(name: str, **when: object) -> dict[str, object]:
    condition = [{"parameter": name, "values": values} for name, values in when.items()]
    return {"name": name, "int": {"min": 0, "max": 90}, **({"activeWhen": condition} if when else {})}


@pytest.mark.parametrize(
    ("mode", "total"),
    [
        ({"fixed": {"value": "deep"}}, 120),
        ({"fixed": {"value": "flat"}}, None),
        ({"choice": {"values": ["deep"]}}, 120),
        ({"choice": {"values": ["flat", "deep"]}}, None),
    ],
    ids=str,
)
def test_a_constraint_holds_where_the_condition_of_its_parameter_does(mode, total) -> None:
    """What decides may vary or not."""
    spec = make_spec(
        [{"name": "mode", **mode}, number("a"), number("b", mode=["deep"])],
        parameterConstraints=["a + b == 120"],
    )
    space = Space(spec)
    [target] = space.spread(np.full((1, len(space.columns)), 0.01))
    point = space.decode(nearest(space, target))
    assert space.allows(point)
    if total is None:
        assert (point["mode"], point["a"], "b" in point) == ("flat", 0, False), "nothing holds, so nothing moves"
    else:
        assert point["a"] + point["b"] == total


def test_whole_numbers_that_no_sum_meets_are_told() -> None:
    spec = make_spec([number("a"), number("b"), number("c")], parameterConstraints=["a + b == 1", "a - b >= 2"])
    space = Space(spec)
    with pytest.raises(SearchError, match="no point of the search space keeps"):
        nearest(space, space.spread(np.full((1, 3), 0.5))[0])
