"""Questions of options whose answer is known, so that somebody who always says yes is noticed.

Rules kept here
- A made question is a question of the job with one thing changed, so that it cannot be told from the others: a claim or
  a ledger's line with another figure, a field asked about places of another field. What its page says is then not what
  it claims, whatever else it says: those are its known answers.
- What the requester knows measures as well, and is believed: nobody is asked about it for its own sake.
- Known questions wait in reserve like known pieces: lent by a share of each worker's stream, retired after a few views,
  never waited for. Those made are not delivered.
- Two newcomers who say yes to everything do not overrule what is made (`MADE_CONFIDENCE_BP`); three would.

>>> altered("Scope 1 emissions in 2023 were 1,240 t", draw=0)
'Scope 1 emissions in 2023 were 3,240 t'
>>> altered("The figure was audited in 2023", draw=0) is None
True
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from manyhands.documents.model import Choice
from manyhands.protocol.ids import digest
from manyhands.protocol.messages import MADE
from manyhands.quality.gold import known_questions_most
from manyhands.task_types.asked import BadQuestion, asked_of, claim, match, several, which
from manyhands.task_types.field_choice import NONE
from manyhands.task_types.reconcile import AMOUNT_DIFFERS, OTHER
from manyhands.task_types.several import Several
from manyhands.task_types.verify_claim import FALSE, NOT_TOLD

from .decisions import GOLD_VIEWS_MOST, PageAsk

KNOWN_OF_ALTERED = {"claim": (FALSE, NOT_TOLD), "match": (AMOUNT_DIFFERS, OTHER)}
"""Form -> what may be said of a page whose figure is another one than the question's."""

_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?(?![\w])")
_YEAR = re.compile(r"(?:19|20)\d\d")
_STEP_LEAST, _STEPS = 2, 6


def altered(text: str, *, draw: int) -> str | None:
    """The text with another figure: the leading digit of its longest number, moved by two or more.

    None where no number can be changed: years, parts of words (CO2, INV-471) and single digits (Scope 1) name things.
    draw  any whole number; which digit it becomes
    """
    numbers = [
        found
        for found in _NUMBER.finditer(text)
        if sum(sign.isdigit() for sign in found[0]) >= 2 and not _YEAR.fullmatch(found[0]) and _is_alone(text, found)
    ]
    if not numbers:
        return None
    # an amount with decimals before a longer number of something else; the last of equals, where amounts stand
    number = max(numbers, key=lambda one: (bool(re.search(r"[.,]\d\d?$", one[0])), len(one[0]), one.start()))
    place = next((n for n, sign in enumerate(number[0]) if sign in "123456789"), None)
    if place is None:
        return None
    at = number.start() + place
    digit = 1 + (int(text[at]) - 1 + _STEP_LEAST + draw % _STEPS) % 9
    return f"{text[:at]}{digit}{text[at + 1 :]}"


def _is_alone(text: str, number: re.Match[str]) -> bool:
    """Whether it stands as a number: not joined by a stroke to a word or to another number, as dates and codes are."""
    before, after = text[: number.start()], text[number.end() :]
    return not re.search(r"\w[-/:]$", before) and not re.match(r"[-/]\w", after) and not re.match(r"[.:]\d", after)


def with_known_questions(
    asks: Mapping[int, Sequence[PageAsk]], *, share_bp: int, job_id: str, seed: int
) -> dict[int, list[PageAsk]]:
    """The asks of all pages with made ones beside them, and all that is known in reserve.

    asks      by page; those with `known` are the requester's
    share_bp  of the manifest; 0 = nobody is to be measured, so nothing is made
    seed      nobody outside can tell from a question whether another was made of it
    """
    whole = {page_key: list(own) for page_key, own in asks.items()}
    work = [(page_key, ask) for page_key, own in whole.items() for ask in own if not ask.known]
    own_count = sum(len(own) for own in whole.values()) - len(work)
    room = known_questions_most(len(work), share_bp)
    there = {ask.ask_id for own in whole.values() for ask in own}
    made: list[tuple[int, PageAsk]] = []
    for page_key, ask in sorted(work, key=lambda one: digest("made of", seed, one[1].ask_id)):
        # one view each, while there are enough to be made: a worker meets none of them twice
        if len(made) >= room:
            break
        twin = _altered_ask(ask, job_id=job_id, seed=seed)
        if twin is not None and twin.ask_id not in there:
            made.append((page_key, twin))
            there.add(twin.ask_id)
    for page_key, twin in made:
        whole[page_key].append(twin)
    return spread_views(whole, views=room + own_count)


def spread_views(asks: Mapping[int, Sequence[PageAsk]], *, views: int) -> dict[int, list[PageAsk]]:
    """All known asks in reserve, with so many views between them, at least one and at most `GOLD_VIEWS_MOST` each."""
    known = sorted(ask.ask_id for own in asks.values() for ask in own if ask.known and (ask.made or not ask.choice))
    each = {
        ask_id: min(GOLD_VIEWS_MOST, max(1, views // len(known) + (n < views % len(known))))
        for n, ask_id in enumerate(known)
    }
    return {
        page_key: [_in_reserve(ask, each[ask.ask_id]) if ask.ask_id in each else ask for ask in own]
        for page_key, own in asks.items()
    }


def at_most_as_much_known_as_asked(asks: Mapping[int, Sequence[PageAsk]]) -> dict[int, list[PageAsk]]:
    """The asks with so few views on each page that no more is shown there to measure people than is asked.

    Whoever is shown places of a page has seen them, and may be shown less of its work.
    """
    kept: dict[int, list[PageAsk]] = {}
    for page_key, own in asks.items():
        room = sum(not ask.views and not ask.after and not ask.parts for ask in own)
        kept[page_key] = []
        for ask in own:
            views = min(ask.views, room)
            room -= views
            if views or not ask.views:
                kept[page_key].append(_in_reserve(ask, views))
    return kept


def made_choices(
    choices: Mapping[str, tuple[int, Choice]],
    strangers: Mapping[str, Sequence[str]],
    *,
    wanted: Sequence[str],
    doc_id: str,
    job_id: str,
    together: Sequence[Sequence[str]] = (),
) -> list[tuple[int, PageAsk]]:
    """Places of one field, asked about as another that none of them can be: the known answer is "none of these".

    choices    field -> (page, its places), of one document
    strangers  field -> fields of the kind that none of its places can be
    wanted     fields of the job, taken first: a question that only measures would be known by its field
    together   fields that the document's pictures ask for together: asked apart they would be known as made
    """
    made = []
    for name, (page_key, choice) in sorted(choices.items()):
        others = sorted(strangers.get(name, ()), key=lambda one: (one not in wanted, one))
        if not others:
            continue
        fields = next((group for group in together if others[0] in group), (others[0],))
        if not set(fields) <= {*others}:
            continue
        questions = [which(field, len(choice.places)) for field in fields]
        question = questions[0] if len(fields) == 1 else several(questions)
        known = NONE if len(fields) == 1 else Several.answer_of([NONE] * len(fields))
        twin = msgspec.structs.replace(choice, field=fields[0], suggested=())
        ask_id = digest("made ask", job_id, doc_id, choice.page_no, name, question)
        made.append((page_key, PageAsk(ask_id, question, choice=twin, known=(known,), known_by=MADE)))
    return made


def _altered_ask(ask: PageAsk, *, job_id: str, seed: int) -> PageAsk | None:
    form, _, text = ask.question.partition(" ")
    asked = asked_of(ask.question)
    if form not in KNOWN_OF_ALTERED or asked is None:
        return None
    changed = altered(text, draw=int(digest("draw", seed, ask.ask_id)[:8], 16))
    if changed is None:
        return None
    try:
        question = (claim if form == "claim" else match)(changed)
    except BadQuestion:
        return None
    ask_id = digest("made ask", job_id, ask.ask_id, question)
    return PageAsk(ask_id, question, known=KNOWN_OF_ALTERED[form], known_by=MADE)


def _in_reserve(ask: PageAsk, views: int) -> PageAsk:
    return msgspec.structs.replace(ask, views=views)
