"""Encoding: one parameter in the model's coordinates, as a range or a choice."""

from paretonas.api import FloatRange, IntRange, Parameter
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.ranges import RangeColumn

Column = RangeColumn | ChoiceColumn


def column(parameter: Parameter) -> Column:
    """Create the column of a parameter."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return RangeColumn(parameter, domain)
    return ChoiceColumn(parameter)
