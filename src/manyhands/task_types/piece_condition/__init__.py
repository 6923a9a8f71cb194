"""In what condition is a piece: readable, illegible, turned, cut off, or not to be shown?

Rules kept here
- Asked before anybody types, where readers see ink and read nothing, and after two people could not read a piece.
- No machine has a say: a machine that could tell would have read it. Two people agree.
- "It should not be shown" is a worker's way to stop a piece without filing a report.
"""

from ..base import Question, Sample
from ..choosing import Choosing

READABLE, ILLEGIBLE, TURNED = "it can be read", "too faint or blurred", "upside down or on its side"
CUT_OFF, SENSITIVE = "cut off", "it should not be shown"
_QUESTION = Question("Can this be read?", "text", (READABLE, ILLEGIBLE, TURNED, CUT_OFF, SENSITIVE), expected_chars=0)

TASK_TYPE = Choosing(
    name="piece_condition",
    title="Can it be read?",
    package=__name__,
    look_ms=1_200,  # an assumption, no measurement yet: a little more than blank-or-dash, with two more options
    ms_per_option=150,
    machine_counts=False,
    samples=(
        Sample(_QUESTION, READABLE, ILLEGIBLE, note="grey but whole letters"),
        Sample(_QUESTION, ILLEGIBLE, READABLE, note="the middle of a fold"),
        Sample(_QUESTION, TURNED, ILLEGIBLE, note="a page that was fed the wrong way round"),
        Sample(_QUESTION, CUT_OFF, READABLE, note="half of the last digit is missing"),
        Sample(_QUESTION, SENSITIVE, READABLE, note="a card number in full"),
    ),
)
