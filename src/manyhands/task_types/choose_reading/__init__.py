"""Choose between readings: two machines read a cutting differently; which of them is right, or neither?

Rules kept here
- Used for words. Amounts and identifiers are keyed blind: seeing a reading beforehand makes people agree with it.
- ``neither`` sends the piece to keying; it is an answer like any other.
"""

from ..base import Question, Sample
from ..choosing import Choosing

NEITHER = "neither of these"
_PROMPT = "Which of these is what you see?"

TASK_TYPE = Choosing(
    name="choose_reading",
    title="Choose what you see",
    package=__name__,
    look_ms=1_500,  # with two options and neither 2.5 s: the project's document anchors, section 7
    ms_per_option=333,
    machine_counts=False,  # every option is a machine's: agreeing with one proves nothing
    samples=(
        Sample(Question(_PROMPT, options=("CASHIER", "CASHER", NEITHER)), "CASHIER", "CASHER"),
        Sample(Question(_PROMPT, options=("PAID:", "PALD:", NEITHER)), "PAID:", "PALD:"),
        Sample(Question(_PROMPT, options=("Item", "ltem", NEITHER)), "Item", NEITHER),
    ),
)
