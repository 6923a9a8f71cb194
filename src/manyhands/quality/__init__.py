"""Answers into verdicts: truth inference, when to ask again, gold, calibration, abuse, reputation.

Rules kept here
- Pure: no clock, no chance, no file, no network. Time is an argument, a seed is an argument.
- The same log gives the same bytes: in any order of arrival, on one core or two.
- A number that is shown as confidence was calibrated on gold, or is said to be uncalibrated.
- A flag names its evidence and takes no pay. Only gold evidence may refuse an answer.

`aggregate`, `infer` and `Online` are here for use as a library; they load numpy only when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyhands.quality.inference import aggregate, infer
    from manyhands.quality.online import Online

__all__ = ["Online", "aggregate", "infer"]
_HOME = {"aggregate": "inference", "infer": "inference", "Online": "online"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
