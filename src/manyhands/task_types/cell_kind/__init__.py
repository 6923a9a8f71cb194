"""Blank, dash or text? What stands in a table's cell, before anybody types.

Rules kept here
- A wrong "blank" loses a figure, so no machine's word counts: two people agree, or it is typed.
"""

from ..base import Question, Sample
from ..choosing import Choosing

BLANK, DASH, TEXT = "nothing", "a dash", "text or a number"
_QUESTION = Question("What stands in this cell?", "cell", (BLANK, DASH, TEXT), expected_chars=0)

TASK_TYPE = Choosing(
    name="cell_kind",
    title="Blank, dash or text?",
    package=__name__,
    look_ms=700,  # about 1 s in all: the project's document anchors, section 7
    ms_per_option=100,
    machine_counts=False,
    samples=(
        Sample(_QUESTION, BLANK, DASH, note="a speck of dust is nothing"),
        Sample(_QUESTION, DASH, BLANK, note="a short line in the middle of the cell"),
        Sample(_QUESTION, TEXT, DASH, note="a one is not a dash"),
    ),
)
