"""Codes: values in the model's coordinates.

The code of a range or an ordered choice lies in [0, 1] on its scale; that of a choice without an order is the position
of its value. A *code* is *snapped* if it represents a value.
"""

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.float64]
"""Codes, of shape (points,) for one column and (points, columns) for a space."""
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]
"""Positions among the values of a column, from 0."""
