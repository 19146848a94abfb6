"""What keeps an experiment from going on."""

from dataclasses import dataclass

from paretonas.api.reasons import Hindrance


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps an experiment from going on; the next pass tries again."""

    reason: Hindrance
    message: str
