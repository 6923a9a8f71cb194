"""Reconcile two figures: does this line of a ledger have its counterpart on a page of the statement?

Rules kept here
- The ledger's line is the question, the page of the statement is shown; nothing else of the ledger is.
- Match is about amount and reference; dates may differ by the days a bank takes.
- No machine has a say: the pairs that a machine could match are not asked.
"""

from ..base import Question, Sample
from ..choosing import Choosing

MATCH, AMOUNT_DIFFERS, OTHER = "it is there", "it is there with another amount", "it is not there"
OPTIONS = (MATCH, AMOUNT_DIFFERS, OTHER)
_QUESTION = Question("Is INV-471 Mill Lane 12.50 on this page?", "text", OPTIONS)

TASK_TYPE = Choosing(
    name="reconcile",
    title="Match two figures",
    package=__name__,
    look_ms=15_000,  # an assumption, no measurement yet: a line of a dozen words, then a scan of the page
    ms_per_option=500,
    machine_counts=False,
    samples=(
        Sample(_QUESTION, MATCH, OTHER, note="INV-471 Mill Lane 12.50 beside MILL LANE INV 471 12,50"),
        Sample(_QUESTION, AMOUNT_DIFFERS, MATCH, note="the same invoice, 12.50 beside 12.05"),
        Sample(_QUESTION, OTHER, MATCH, note="the same amount for another invoice"),
    ),
)
