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


def log_gamma(value: Floats) -> Floats:
    """Logarithm of the gamma function for positive values; error below 1e-10.

    >>> round(float(log_gamma(np.array([5.0]))[0]), 9), round(float(log_gamma(np.array([0.5]))[0]), 9)
    (3.17805383, 0.572364943)
    """
    shifted = value + 8.0
    product = value * (value + 1.0) * (value + 2.0) * (value + 3.0)
    product *= (value + 4.0) * (value + 5.0) * (value + 6.0) * (value + 7.0)
    inverse = 1.0 / shifted
    square = inverse * inverse
    series = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0)))
    return np.asarray((shifted - 0.5) * np.log(shifted) - shifted + 0.9189385332046727 + series - np.log(product))
