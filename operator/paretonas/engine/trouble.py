"""What keeps an experiment from making progress."""

from dataclasses import dataclass

from paretonas.api.reasons import Hindrance


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps an experiment from making progress; the next pass tries again."""

    reason: Hindrance
    message: str
