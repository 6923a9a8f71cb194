"""Task types: one folder per kind of work. The rest of the system knows only the name.

Rules kept here
- A new task type is one folder that offers ``TASK_TYPE`` and passes ``contract.TaskTypeContract``; it is added to the
  list below and to nothing else.

>>> task_type("transcription").ui
'key'
"""

from __future__ import annotations

from .base import (
    Accept,
    Answer,
    AnswerInvalid,
    AskMore,
    Judgement,
    Question,
    Sample,
    TaskType,
    TaskTypeError,
    UnknownTaskType,
    Unreadable,
)
from .cell_kind import TASK_TYPE as _CELL_KIND
from .choose_reading import TASK_TYPE as _CHOOSE_READING
from .field_choice import TASK_TYPE as _FIELD_CHOICE
from .odd_one_out import TASK_TYPE as _ODD_ONE_OUT
from .piece_condition import TASK_TYPE as _PIECE_CONDITION
from .reconcile import TASK_TYPE as _RECONCILE
from .report_verdict import TASK_TYPE as _REPORT_VERDICT
from .transcription import TASK_TYPE as _TRANSCRIPTION
from .verify_claim import TASK_TYPE as _VERIFY_CLAIM

__all__ = [
    "TASK_TYPES",
    "Accept",
    "Answer",
    "AnswerInvalid",
    "AskMore",
    "Judgement",
    "Question",
    "Sample",
    "TaskType",
    "TaskTypeError",
    "UnknownTaskType",
    "Unreadable",
    "task_type",
]

_ALL: tuple[TaskType, ...] = (
    _TRANSCRIPTION,
    _REPORT_VERDICT,
    _CHOOSE_READING,
    _FIELD_CHOICE,
    _CELL_KIND,
    _PIECE_CONDITION,
    _ODD_ONE_OUT,
    _VERIFY_CLAIM,
    _RECONCILE,
)

TASK_TYPES: dict[str, TaskType] = {t.name: t for t in _ALL}
"""Every task type by its name."""


def task_type(name: str) -> TaskType:
    """The task type of that name.

    raises  UnknownTaskType
    """
    found = TASK_TYPES.get(name)
    if found is None:
        raise UnknownTaskType(name=name, known=sorted(TASK_TYPES))
    return found
