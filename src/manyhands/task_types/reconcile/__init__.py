"""Reconcile two figures: does this line of a ledger match that line of a statement?

Rules kept here
- Two cuttings are shown side by side, nothing else of either page.
- Match is about amount and reference; dates may differ by the days a bank takes.
- No machine has a say: the pairs that a machine could match are not asked.
"""

from ..base import Question, Sample
from ..choosing import Choosing

MATCH, AMOUNT_DIFFERS, OTHER = "they match", "the amounts differ", "they are different things"
_QUESTION = Question("Do these two lines belong together?", "text", (MATCH, AMOUNT_DIFFERS, OTHER))

TASK_TYPE = Choosing(
    name="reconcile",
    title="Match two figures",
    package=__name__,
    look_ms=5_000,  # an assumption, no measurement yet: two lines of a dozen words at 160 words a minute
    ms_per_option=500,
    machine_counts=False,
    samples=(
        Sample(_QUESTION, MATCH, OTHER, note="INV-471 Mill Lane 12.50 beside MILL LANE INV 471 12,50"),
        Sample(_QUESTION, AMOUNT_DIFFERS, MATCH, note="the same invoice, 12.50 beside 12.05"),
        Sample(_QUESTION, OTHER, MATCH, note="the same amount for another invoice"),
    ),
)
