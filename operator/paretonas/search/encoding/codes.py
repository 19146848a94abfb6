"""Numbers in the model's coordinates.

A range, and a choice with an order, lies in [0, 1] on its scale; a choice without one is the position of its
value. A *code* is *snapped* when it stands for a value.
"""

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.float64]
"""Shape (points,) for one column, (points, columns) for a space."""
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
"""Places among the values of a column, from 0."""
