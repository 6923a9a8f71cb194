"""One keyed piece: accept a value, ask one more person, or call it unreadable.

Rules kept here
- Blind: a person never sees a reader's answer, so that two that agree are two pieces of evidence.
- A machine reader is a worker with half a vote (reCAPTCHA: von Ahn et al., Science 2008); no reader alone accepts.
- Evidence is added as whole millinats of log-odds: the same answers in any order give the same decision, everywhere.
- Skill is capped on both sides: nobody's word is proof and nobody's word is worthless.
- An honest answer is paid, also when it differs from the verdict. Only gold evidence refuses one.

The model. A person of skill s keys the true value with probability s, else one of m other values that people mistake
it for (m = `alternatives`). Over all values v the support is exp(sum of ln(s m / (1 - s))) for each answer equal to v,
and 1 for each of the unseen others. A lone answer of skill s then has probability s; two equal answers of 0.95 have
0.9999. m = 30 says that two mistaken people coincide once in thirty times; on a whole line of text they coincide less
often, which only makes it safer. A reader counts likewise: its confidence in place of the skill, then half the weight.

>>> rule = TranscriptionRule()
>>> next_step([Reading("12.50", reader="ocr", confidence_bp=9_000)], [], rule, "amount")
AskMore(count=1, because='no person has keyed it yet')
>>> step = next_step([Reading("12.50", reader="ocr", confidence_bp=9_000)],
...                  [Keyed("0xa1", "12,50", active_ms=4_000, skill_bp=9_500, received_at_ms=1)], rule, "amount")
>>> step.value, step.because
('12.50', 'one person and a reader agree')
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from manyhands.quality.errors import BadRule
from manyhands.quality.fields import iban_is_valid, normalise, tidy

Judgement = Literal["right", "wrong", "undecided"]


class Reading(msgspec.Struct, frozen=True):
    """What a machine read. confidence_bp: its calibrated chance of being right, 0..10_000."""

    text: str
    reader: str
    confidence_bp: int


class Keyed(msgspec.Struct, frozen=True):
    """What a person keyed. text None: "cannot read". skill_bp: the person's chance of keying it right, 0..10_000."""

    worker: str
    text: str | None
    active_ms: int
    skill_bp: int
    received_at_ms: int


class TranscriptionRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a keyed piece is settled.

    target_bp             confidence at which a value is accepted
    answers_max           most persons asked for one piece
    persons_agreeing      so many equal persons settle it when no other value has as many
    cannot_read_max       so many persons saying "cannot read" end it, when they are more than any value's persons
    reader_weight_bp      weight of a machine reader beside a person of the same skill
    alternatives          how many wrong values a mistaken person may plausibly key
    at_cap_least_bp       at the cap the best value is delivered when it has this confidence, else unreadable
    skill_least_bp        skills are raised to this and
    skill_most_bp         lowered to that before they count
    newcomer_skill_bp     skill assumed of the next person when counting how many to ask
    price_minor           price of one more answer, and
    error_cost_minor      what a wrong value costs: from two answers on, one more is asked only while the expected fall
                          of the chance of error times this cost is at least the price. 0 = always worth it
    """

    target_bp: int = 9_900
    answers_max: int = 4
    persons_agreeing: int = 2
    cannot_read_max: int = 2
    reader_weight_bp: int = 5_000
    alternatives: int = 30
    at_cap_least_bp: int = 5_000
    skill_least_bp: int = 5_500
    skill_most_bp: int = 9_900
    newcomer_skill_bp: int = 9_000
    price_minor: int = 0
    error_cost_minor: int = 0

    def __post_init__(self) -> None:
        for field in ("target_bp", "reader_weight_bp", "at_cap_least_bp", "newcomer_skill_bp"):
            if not 0 <= getattr(self, field) <= 10_000:
                raise BadRule(field, value=getattr(self, field), allowed="0..10_000 basis points")
        for field in ("answers_max", "persons_agreeing", "cannot_read_max"):
            if getattr(self, field) < 1:
                raise BadRule(field, value=getattr(self, field), allowed="1 or more")
        if self.alternatives < 2:
            raise BadRule("alternatives", value=self.alternatives, allowed="2 or more")
        if not 0 < self.skill_least_bp <= self.skill_most_bp < 10_000:
            raise BadRule(
                "skill_most_bp", value=self.skill_most_bp, allowed="above 0, below 10_000, not below skill_least_bp"
            )


class Accept(msgspec.Struct, frozen=True):
    """The value to deliver. confidence_bp is a model's posterior, not yet calibrated. support: persons behind it."""

    value: str
    confidence_bp: int
    support: int
    because: str


class AskMore(msgspec.Struct, frozen=True):
    """So many more persons, the fewest that could settle it."""

    count: int
    because: str


class Unreadable(msgspec.Struct, frozen=True):
    """Nobody can say what it is. The piece is delivered as unreadable, the answers are paid."""

    because: str


Step = Accept | AskMore | Unreadable


def next_step(readings: Sequence[Reading], answers: Sequence[Keyed], rule: TranscriptionRule, field_type: str) -> Step:
    """What to do with a piece after these readings and answers.

    readings  machine readings, any number; two of one reader count once
    answers   persons' answers in any order; two of one worker count once, the earlier
    returns   Accept | AskMore | Unreadable; the same for every order of the inputs
    raises    UnknownMethod for an unknown field type
    source    von Ahn et al. (2008), reCAPTCHA; Dawid and Skene (1979) for the weights
    """
    answers = once_per_worker(answers)
    readings = _once_per_reader(readings)
    keys = [None if answer.text is None else normalise(answer.text, field_type) for answer in answers]
    # an empty box says the same as "cannot read"
    keys = [key or None for key in keys]
    read_keys = [normalise(reading.text, field_type) for reading in readings]
    persons = Counter(key for key in keys if key is not None)
    blind = keys.count(None)

    if not answers:
        read_mnat = _support(read_keys, readings, [], [], rule, field_type)
        count = _fewest_after_reading(read_mnat, rule) if read_mnat else _fewest_to_settle({}, rule)
        return AskMore(count, "no person has keyed it yet")

    support_mnat = _support(read_keys, readings, keys, answers, rule, field_type)
    # a reader alone never accepts: only values that a person keyed may be delivered
    ranked = sorted(persons, key=lambda key: (-support_mnat[key], -persons[key], key))
    best = ranked[0] if ranked else None

    if blind >= rule.cannot_read_max and (best is None or blind > persons[best]):
        return Unreadable(f"{blind} persons cannot read it")

    if best is not None:
        confidence_bp = _confidence_bp(support_mnat, best, rule)
        next_most = max((persons[key] for key in ranked[1:]), default=0)
        value = spelling(best, readings, read_keys, answers, keys)
        agree_with_reader = best in read_keys
        if persons[best] >= rule.persons_agreeing and persons[best] > next_most:
            count = persons[best]
            because = f"{count} persons agree" + (" with a reader" if agree_with_reader else "")
            return Accept(value, confidence_bp, count, because)
        if confidence_bp >= rule.target_bp:
            because = "one person and a reader agree" if agree_with_reader else "a person of proven skill keyed it"
            return Accept(value, confidence_bp, persons[best], because)
        if len(answers) >= rule.answers_max:
            if confidence_bp >= rule.at_cap_least_bp:
                return Accept(
                    value, confidence_bp, persons[best], f"best supported after {len(answers)} persons disagreed"
                )
            return Unreadable(f"{len(answers)} persons disagree and no value has enough support")
        if rule.error_cost_minor and len(answers) >= 2:
            worth_minor = worth_of_one_more(support_mnat, rule)
            if worth_minor < rule.price_minor:
                because = f"one more answer is worth {worth_minor} and costs {rule.price_minor}"
                if confidence_bp >= rule.at_cap_least_bp:
                    return Accept(value, confidence_bp, persons[best], because)
                return Unreadable(f"no value has enough support, and {because}")
    elif len(answers) >= rule.answers_max:
        return Unreadable(f"{blind} persons cannot read it")

    count = min(_fewest_to_settle(support_mnat, rule, persons), rule.answers_max - len(answers))
    if best is None:
        return AskMore(count, "one person cannot read it")
    if len(ranked) > 1:
        return AskMore(count, f"{len(ranked)} values were keyed")
    if read_keys and best not in read_keys:
        return AskMore(count, "person and reader differ")
    return AskMore(count, "one answer is not enough evidence")


def best_of_persons(answers: Sequence[Keyed], rule: TranscriptionRule, field_type: str) -> tuple[str, int] | None:
    """(normalised value that persons support most, its confidence in basis points) without any reader; None of nothing.

    For known pieces: a reader that made them known must not vouch for those who are measured on them.
    """
    posterior_bp = posterior_of([], answers, rule, field_type)
    return min(posterior_bp.items(), key=lambda item: (-item[1], item[0])) if posterior_bp else None


def posterior_of(
    readings: Sequence[Reading], answers: Sequence[Keyed], rule: TranscriptionRule, field_type: str
) -> dict[str, int]:
    """Chance of every normalised value that was read or keyed, basis points; the rest belongs to values nobody gave.

    A model's posterior, as in `next_step`: for a scale to be fitted on, not to be shown as a confidence.
    """
    answers = once_per_worker(answers)
    readings = _once_per_reader(readings)
    keys = [normalise(answer.text, field_type) or None if answer.text is not None else None for answer in answers]
    read_keys = [normalise(reading.text, field_type) for reading in readings]
    support_mnat = _support(read_keys, readings, keys, answers, rule, field_type)
    return {key: _confidence_bp(support_mnat, key, rule) for key in sorted(support_mnat)}


def judge_worker(
    step: Accept | Unreadable, answer: Keyed, field_type: str, *, certain_from_bp: int = 9_000
) -> Judgement:
    """What a settled piece says about one answer to it; for skill, not for pay.

    returns  "right" when it equals the verdict (normalised), "wrong" when it differs from a verdict of at least
             `certain_from_bp`, else "undecided": "cannot read" beside a value, a value beside "unreadable"
    """
    if isinstance(step, Unreadable):
        return "right" if not (answer.text and answer.text.strip()) else "undecided"
    if answer.text is None or not answer.text.strip():
        return "undecided"
    if normalise(answer.text, field_type) == normalise(step.value, field_type):
        return "right"
    return "wrong" if step.confidence_bp >= certain_from_bp else "undecided"


def worth_of_one_more(support_mnat: dict[str, int], rule: TranscriptionRule) -> int:
    """Expected fall of the chance of error by one more answer, times the cost of an error, rounded down.

    Chances are taken in basis points first, so that the rest is whole numbers and the same everywhere.
    source  expected value of information, as in `assign.fall_of_error`, with m = `alternatives` ways to be wrong
    """
    chances_bp = [_confidence_bp(support_mnat, key, rule) for key in sorted(support_mnat)]
    unseen_count = max(1, rule.alternatives + 1 - len(chances_bp))
    unseen_bp = max(0, 10_000 - sum(chances_bp))  # of all unseen values together
    skill_bp = min(max(rule.newcomer_skill_bp, rule.skill_least_bp), rule.skill_most_bp)
    right, wrong = skill_bp * rule.alternatives, 10_000 - skill_bp
    ranked = sorted(chances_bp, reverse=True)
    after = 0
    for place, chance_bp in enumerate(ranked):
        rival_bp = ranked[1 if place == 0 else 0] if len(ranked) > 1 else 0
        after += max(chance_bp * right, rival_bp * wrong)
    after += max(unseen_bp * right, unseen_count * ranked[0] * wrong)
    fall = max(0, after - ranked[0] * 10_000 * rule.alternatives)
    return fall * rule.error_cost_minor // (100_000_000 * rule.alternatives)


def answer_is_accepted(gold_right: int, gold_seen: int, *, skill_floor_bp: int = 5_000) -> bool:
    """Whether an answer is paid. Every honest one is; gold evidence alone refuses.

    gold_right, gold_seen  the worker's gold of this task type in this job, the answer's own gold piece included
    skill_floor_bp         skill below which answers are refused
    returns                False only when, for a worker at the floor, so few right answers would be rarer than 1 in 20
                           (exact one-sided binomial test); below 5 gold pieces nothing can be shown
    """
    if not 0 <= gold_right <= gold_seen:
        raise BadRule("gold_right", value=gold_right, allowed=f"0..gold_seen ({gold_seen})")
    if gold_seen < 5:
        return True
    tail = sum(
        math.comb(gold_seen, right) * skill_floor_bp**right * (10_000 - skill_floor_bp) ** (gold_seen - right)
        for right in range(gold_right + 1)
    )
    refused: bool = tail * 20 < 10_000**gold_seen
    return not refused


def once_per_worker(answers: Sequence[Keyed]) -> list[Keyed]:
    """The first answer of every worker, in order of worker: a repeat is no second witness.

    Of two at one moment the text that sorts first counts, then the lesser skill: never the order in which they came.
    """

    def turn(answer: Keyed) -> tuple[int, str, bool, int, int]:
        return answer.received_at_ms, answer.text or "", answer.text is not None, answer.skill_bp, answer.active_ms

    first: dict[str, Keyed] = {}
    for answer in answers:
        held = first.get(answer.worker)
        if held is None or turn(answer) < turn(held):
            first[answer.worker] = answer
    return [first[worker] for worker in sorted(first)]


def spelling(
    key: str,
    readings: Sequence[Reading],
    read_keys: Sequence[str],
    answers: Sequence[Keyed],
    keys: Sequence[str | None],
) -> str:
    """Which of the spellings that mean `key` is delivered.

    1. the spelling that most persons keyed, when at least two keyed it;
    2. a reader's spelling that a person keyed too;
    3. where a person keyed the reader's signs with other blanks, the person's: readers run words together;
    4. a reader's spelling that means the same (the reader copies the page, a person types the meaning);
    5. the spelling of the person of the highest skill.
    Ties go to the spelling that sorts first. Spellings are tidied, never rewritten.
    """
    keyed = sorted(
        (tidy(answer.text), answer.skill_bp)
        for answer, own in zip(answers, keys, strict=True)
        if own == key and answer.text is not None
    )
    seen = Counter(text for text, _ in keyed)
    text, times = min(seen.items(), key=lambda item: (-item[1], item[0]))
    if times >= 2:
        return text
    read = sorted(
        (
            (-reading.confidence_bp, tidy(reading.text))
            for reading, own in zip(readings, read_keys, strict=True)
            if own == key
        )
    )
    for _, spelled in read:
        if spelled in seen:
            return spelled
    by_signs = {"".join(text.split()): text for text, _ in reversed(keyed)}
    for _, spelled in read:
        if (own := by_signs.get("".join(spelled.split()))) is not None:
            return own
    if read:
        return read[0][1]
    return min(keyed, key=lambda item: (-item[1], item[0]))[0]


def _once_per_reader(readings: Sequence[Reading]) -> list[Reading]:
    first: dict[str, Reading] = {}
    for reading in readings:
        held = first.get(reading.reader)
        if held is None or (-reading.confidence_bp, reading.text) < (-held.confidence_bp, held.text):
            first[reading.reader] = reading
    return [first[reader] for reader in sorted(first) if first[reader].text.strip()]


def weight_mnat(skill_bp: int, alternatives: int) -> int:
    """Log-odds one answer of this skill adds to its value, in whole millinats: 1000 ln(s m / (1 - s)).

    >>> weight_mnat(9_500, 30)
    6346
    """
    return round(1000 * math.log(skill_bp * alternatives / (10_000 - skill_bp)))


def _support(
    read_keys: Sequence[str],
    readings: Sequence[Reading],
    keys: Sequence[str | None],
    answers: Sequence[Keyed],
    rule: TranscriptionRule,
    field_type: str,
) -> dict[str, int]:
    """Summed log-odds per value, millinats; a value with wrong check digits loses ln 97: one in 97 passes by chance."""
    support_mnat: dict[str, int] = {}
    for key, answer in zip(keys, answers, strict=True):
        if key is not None:
            skill_bp = min(max(answer.skill_bp, rule.skill_least_bp), rule.skill_most_bp)
            support_mnat[key] = support_mnat.get(key, 0) + weight_mnat(skill_bp, rule.alternatives)
    for key, reading in zip(read_keys, readings, strict=True):
        # a reader less sure than chance says nothing, but never speaks against its own value
        skill_bp = min(max(reading.confidence_bp, 10_000 // (rule.alternatives + 1) + 1), rule.skill_most_bp)
        weight = weight_mnat(skill_bp, rule.alternatives) * rule.reader_weight_bp // 10_000
        support_mnat[key] = support_mnat.get(key, 0) + weight
    if field_type == "iban":
        for key in support_mnat:
            if not iban_is_valid(key):
                support_mnat[key] -= 4_575
    return support_mnat


def _confidence_bp(support_mnat: dict[str, int], best: str, rule: TranscriptionRule) -> int:
    """Posterior of `best` among the values seen and the unseen alternatives, rounded down to basis points."""
    unseen = max(1, rule.alternatives + 1 - len(support_mnat))
    top = max([*support_mnat.values(), 0])
    total = sum(math.exp((value - top) / 1000) for value in sorted(support_mnat.values()))
    total += unseen * math.exp(-top / 1000)
    return int(10_000 * math.exp((support_mnat[best] - top) / 1000) / total)


def _fewest_to_settle(
    support_mnat: dict[str, int], rule: TranscriptionRule, persons: Counter[str] | None = None
) -> int:
    """Answers needed if all that come equal the best value so far (or a new one)."""
    persons = persons or Counter()
    best = min(persons, key=lambda key: (-support_mnat[key], key)) if persons else "\0"
    trial, have = dict(support_mnat), persons[best]
    rival = max((count for key, count in persons.items() if key != best), default=0)
    skill_bp = min(max(rule.newcomer_skill_bp, rule.skill_least_bp), rule.skill_most_bp)
    for count in range(1, rule.answers_max + 1):
        trial[best] = trial.get(best, 0) + weight_mnat(skill_bp, rule.alternatives)
        have += 1
        if (have >= rule.persons_agreeing and have > rival) or _confidence_bp(trial, best, rule) >= rule.target_bp:
            return count
    return rule.answers_max


def _fewest_after_reading(support_mnat: dict[str, int], rule: TranscriptionRule) -> int:
    """Answers needed if all that come equal the best reading: usually one."""
    best = min(support_mnat, key=lambda key: (-support_mnat[key], key))
    trial = dict(support_mnat)
    skill_bp = min(max(rule.newcomer_skill_bp, rule.skill_least_bp), rule.skill_most_bp)
    for count in range(1, min(rule.persons_agreeing, rule.answers_max) + 1):
        trial[best] += weight_mnat(skill_bp, rule.alternatives)
        if _confidence_bp(trial, best, rule) >= rule.target_bp:
            return count
    return min(rule.persons_agreeing, rule.answers_max)
