import pytest

from paretonas.api import (
    Bool,
    Choice,
    Domain,
    Fixed,
    FloatChoice,
    FloatRange,
    IntChoice,
    IntRange,
    Objective,
    Parameter,
    Scalar,
)

DOMAINS: dict[str, Domain] = {
    "int": IntRange(min=0, max=8),
    "float": FloatRange(min=0.0, max=8.0),
    "choice": Choice(values=("1", "true", "adam")),
    "intChoice": IntChoice(values=(0, 1, 8)),
    "floatChoice": FloatChoice(values=(0.0, 1.0, 2.5)),
    "bool": Bool(),
    "fixed int": Fixed(value=1),
    "fixed float": Fixed(value=2.5),
    "fixed bool": Fixed(value=True),
    "fixed text": Fixed(value="1"),
}

CONTAINED: dict[str, tuple[Scalar, ...]] = {
    "int": (0, 1, 8),
    "float": (0.0, 1.0, 2.5, 8.0),
    "choice": ("1", "true", "adam"),
    "intChoice": (0, 1, 8),
    "floatChoice": (0.0, 1.0, 2.5),
    "bool": (True, False),
    "fixed int": (1,),
    "fixed float": (2.5,),
    "fixed bool": (True,),
    "fixed text": ("1",),
}

EVERYTHING: tuple[Scalar, ...] = (
    0,
    1,
    8,
    9,
    -1,
    0.0,
    1.0,
    2.5,
    8.0,
    8.5,
    float("nan"),
    True,
    False,
    "1",
    "true",
    "adam",
    "",
)


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_contains_its_values_in_their_own_type_and_nothing_else(name: str):
    domain = DOMAINS[name]
    contained = [(type(v), v) for v in EVERYTHING if domain.contains(v)]
    assert sorted(contained, key=str) == sorted(((type(v), v) for v in CONTAINED[name]), key=str)


CASTS: list[tuple[str, Scalar, Scalar]] = [
    ("int", 3.0, 3),
    ("float", 3, 3.0),
    ("intChoice", 8.0, 8),
    ("floatChoice", 1, 1.0),
    ("floatChoice", 0, 0.0),
    ("fixed int", 1.0, 1),
    ("fixed float", 2.5, 2.5),
    ("choice", "1", "1"),
    ("bool", True, True),
]


@pytest.mark.parametrize(("name", "given", "expected"), CASTS)
def test_a_value_that_json_has_changed_is_cast_back_into_its_type(name: str, given: Scalar, expected: Scalar):
    cast = DOMAINS[name].cast(given)
    assert (type(cast), cast) == (type(expected), expected)
    assert DOMAINS[name].contains(cast)


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("value", [v for v in EVERYTHING if v == v], ids=repr)  # noqa: PLR0124 # all but nan
def test_a_cast_changes_the_type_of_a_value_but_never_the_value(name: str, value: Scalar):
    cast = DOMAINS[name].cast(value)
    assert cast == value
    if isinstance(value, (bool, str)):
        assert type(cast) is type(value), "a boolean is no number, and a text is not read as one"


def test_a_fraction_is_not_cast_to_an_integer():
    assert DOMAINS["int"].cast(2.5) == 2.5


def test_a_fixed_double_that_is_whole_is_the_integer_that_kubernetes_makes_of_it():
    assert type(Fixed(value=2.0).value) is int
    assert type(Fixed(value=2.5).value) is float
    assert type(Fixed(value=True).value) is bool


@pytest.mark.parametrize(
    ("fields", "kind", "numeric"),
    [
        ({"int_": DOMAINS["int"]}, "int", True),
        ({"float_": DOMAINS["float"]}, "float", True),
        ({"choice": DOMAINS["choice"]}, "choice", False),
        ({"int_choice": DOMAINS["intChoice"]}, "intChoice", True),
        ({"float_choice": DOMAINS["floatChoice"]}, "floatChoice", True),
        ({"bool_": DOMAINS["bool"]}, "bool", False),
        ({"fixed": DOMAINS["fixed int"]}, "fixed", False),
    ],
)
def test_a_parameter_knows_its_kind_and_whether_it_can_be_in_a_constraint(
    fields: dict[str, Domain], kind: str, numeric: bool
):
    parameter = Parameter(name="p", **fields)  # type: ignore[arg-type] # each field with its own domain
    [domain] = fields.values()
    assert (parameter.kind, parameter.numeric, parameter.domain) == (kind, numeric, domain)


OBJECTIVES = {
    "up": Objective(metric="m", goal="Maximize"),
    "down": Objective(metric="m", goal="Minimize"),
    "up, by its logarithm": Objective(metric="m", goal="Maximize", scale="Log"),
    "down, by its logarithm": Objective(metric="m", goal="Minimize", scale="Log"),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("value", [1e-12, 0.1, 1.0, 3.7, 80000.0, 1e12])
def test_an_objectives_original_value_is_had_back_from_the_comparable_one(name: str, value: float):
    objective = OBJECTIVES[name]
    assert objective.original(objective.comparable(value)) == pytest.approx(value, rel=1e-13)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_better_value_is_the_smaller_comparable_one(name: str):
    objective = OBJECTIVES[name]
    worse, better = (1.0, 2.0) if objective.goal == "Maximize" else (2.0, 1.0)
    assert objective.comparable(better) < objective.comparable(worse)


def test_a_decade_is_one_on_a_log_scale():
    assert OBJECTIVES["down, by its logarithm"].comparable(1000.0) == pytest.approx(3.0)
    assert OBJECTIVES["up, by its logarithm"].comparable(1000.0) == pytest.approx(-3.0)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_log_scale_refuses_what_is_not_positive(value: float):
    with pytest.raises(ValueError):  # noqa: PT011 # math's own text differs between versions of Python
        OBJECTIVES["up, by its logarithm"].comparable(value)
