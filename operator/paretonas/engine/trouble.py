"""What keeps an experiment from going on."""

from dataclasses import dataclass
from enum import StrEnum


class Hindrance(StrEnum):
    """What can keep an experiment from going on."""

    SUBMIT_FAILED = "SubmitFailed"
    SEARCH_FAILED = "SearchFailed"
    WARM_START_FAILED = "WarmStartFailed"
    FAILING = "PassFailed"
    """What nobody has foreseen, or an API server that refuses what the operator needs."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps an experiment from going on; the next pass tries again."""

    reason: Hindrance
    message: str
