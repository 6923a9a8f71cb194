"""The few special functions that are needed, in numpy alone.

>>> float(round(digamma(np.array([1.0]))[0], 6))
-0.577216
"""

from __future__ import annotations

import numpy as np

from manyhands.quality.table import Floats


def digamma(value: Floats) -> Floats:
    """Derivative of log gamma for values above 0, to about 1e-11.

    source  recurrence up to 6, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18)
    """
    x = np.asarray(value, np.float64)
    result = np.zeros_like(x)
    for _ in range(6):
        small = x < 6.0
        result = result - np.where(small, 1.0 / np.maximum(x, 1e-300), 0.0)
        x = np.where(small, x + 1.0, x)
    inverse = 1.0 / x
    square = inverse * inverse
    series = square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square * (1 / 240 - square * (1 / 132)))))
    return np.asarray(result + np.log(x) - 0.5 * inverse - series)
