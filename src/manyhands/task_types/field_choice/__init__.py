"""Which piece is the total, the date, the company, the address?

Rules kept here
- Shown is the page with everything but the candidates masked, and the candidates' texts as options.
- The rules of the document's kind make a hidden suggestion; one person who comes to the same settles the field.
- ``none of these`` says that the page has no such field, or that it was not among the candidates.
"""

from ..base import Question, Sample
from ..choosing import Choosing

NONE = "none of these"


def prompt_of(field_name: str) -> str:
    """The question for a field.

    >>> prompt_of("total")
    'Which of these is the total to be paid?'
    """
    words = {
        "total": "the total to be paid",
        "date": "the date of the receipt or invoice",
        "company": "the name of the company that issued it",
        "address": "the address of the company that issued it",
        "invoice_number": "the number of the invoice",
        "tax_total": "the tax in all",
        "currency": "the currency",
    }
    return f"Which of these is {words.get(field_name, field_name.replace('_', ' '))}?"


TASK_TYPE = Choosing(
    name="field_choice",
    title="Find a value on a page",
    package=__name__,
    look_ms=2_000,  # 3-4 s with three to five candidates: the project's document anchors, section 7
    ms_per_option=400,
    samples=(
        Sample(Question(prompt_of("total"), "amount", ("8.00", "8.70", "10.00", NONE)), "8.70", "10.00", ("8.70",)),
        Sample(Question(prompt_of("date"), "date", ("25/12/2018", "31/12/2018", NONE)), "25/12/2018", NONE),
        Sample(Question(prompt_of("company"), "text", ("OLD MILL SHOP", "TAX INVOICE", NONE)), "OLD MILL SHOP", NONE),
    ),
)
