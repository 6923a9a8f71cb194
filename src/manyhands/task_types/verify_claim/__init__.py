"""Verify a claim against a page: true, false, or the page does not tell.

Rules kept here
- The claim is one sentence with one figure ("Scope 1 emissions in 2023 were 1,240 t CO2e"); the page is the evidence.
- The question is what the page says, not what is true in the world.
- Two people who agree settle it; three who differ send it to a fourth; no machine has a say.
"""

from ..base import Question, Sample
from ..choosing import Choosing

TRUE, FALSE, NOT_TOLD = "the page says so", "the page says otherwise", "the page does not tell"
_OPTIONS = (TRUE, FALSE, NOT_TOLD)

TASK_TYPE = Choosing(
    name="verify_claim",
    title="Check a claim against a page",
    package=__name__,
    look_ms=25_000,  # an assumption, no measurement yet: a claim of 20 words at 160 a minute, then a scan of the page
    ms_per_option=1_000,
    machine_counts=False,
    samples=(
        Sample(
            Question("The threshold for carbon dioxide to air is 100 million kg a year.", "text", _OPTIONS), TRUE, FALSE
        ),
        Sample(Question("Emissions in 2023 were 1,240 t CO2e.", "text", _OPTIONS), FALSE, TRUE, note="page: 1,420 t"),
        Sample(Question("The figure was audited.", "text", _OPTIONS), NOT_TOLD, TRUE),
    ),
)
