"""One parameter in the model's coordinates: a range or a choice."""

from paretonas.api import FloatRange, IntRange, Parameter
from paretonas.search.encoding.choices import ChoiceColumn
from paretonas.search.encoding.ranges import RangeColumn

Column = RangeColumn | ChoiceColumn


def column(parameter: Parameter) -> Column:
    """The column of a parameter."""
    domain = parameter.domain
    if isinstance(domain, (IntRange, FloatRange)):
        return RangeColumn(parameter, domain)
    return ChoiceColumn(parameter)
