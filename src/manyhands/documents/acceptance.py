"""Which pieces are believed without asking a person, and why.

Rules kept here
- The default is to ask. A piece is accepted unseen only when readers agree, are sure, and no rule speaks against it.
- Rules name a way in which machines are known to err together, never a text of a particular data set.
- Pure: the whole job's pieces in, a decision and its reason for each out; the same input gives the same decisions.
- Thresholds are the job's (``Policy``), to be set by auditing a random sample of what was accepted (``audit``).

>>> from .model import Reading
>>> box = Box(0, 0, 40, 20)
>>> def said(text):
...     return tuple(Reading(name, text, 9_990, box, 9_900) for name in ("first", "second"))
>>> agreed = Piece("a", 1, box, 0, readings=said("12.50"))
>>> lost_point = Piece("b", 1, box, 1, readings=said("1250"))
>>> decisions = decide_unseen([agreed, lost_point], POLICIES["agreement"])
>>> decisions["a"].text, decisions["b"].because
('12.50', 'format: digits that may have lost a decimal point')
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources

import msgspec

from .model import Box, Piece, Reading
from .text import core, same_value, tight, unified
from .values import find_dates


class Policy(msgspec.Struct, frozen=True):
    """When a piece is accepted unseen; part of a job's manifest.

    agree           readers that must give the same text; 0 = accept nothing
    joint_bp        least product of the two best backers' confidence in their weakest character
    format_rules    whether the rules of ``format_doubt`` and rare words apply
    accept_dash     whether a cell that holds one flat mark is read as a dash
    accept_empty    whether a cell without ink is read as empty
    """

    name: str
    agree: int = 2
    joint_bp: int = 5_000
    format_rules: bool = True
    accept_dash: bool = True
    accept_empty: bool = True


POLICIES: dict[str, Policy] = {
    "none": Policy("none", agree=0, accept_dash=False, accept_empty=False),
    "agreement": Policy("agreement"),
    "audited": Policy("audited", joint_bp=3_000),
    "careful": Policy("careful", joint_bp=6_500),
}
"""Policies by name. ``agreement`` is the default, ``none`` has people key everything. A job with an audit begins with
``audited`` and ends with the threshold that people's answers support."""

PLAIN_LETTER_READERS = frozenset({"ppocr4"})
"""Readers whose models hardly know accented letters: they write a for ä and B for ß."""

DEFAULT_POLICY = POLICIES["agreement"]


@dataclass(frozen=True)
class AcceptUnseen:
    """Believed without a person: ``text`` may be empty for an empty cell."""

    text: str
    because: str
    joint_bp: int = field(default=10_000, compare=False)
    """How sure the two best backers are of their weakest characters; all of it where no reader was needed."""


@dataclass(frozen=True)
class Ask:
    """A person must read it."""

    because: str


def decide_unseen(pieces: Sequence[Piece], policy: Policy = DEFAULT_POLICY) -> dict[str, AcceptUnseen | Ask]:
    """A decision for every piece of a job.

    pieces   all pieces of the job: how often a word occurs in it is one of the signs
    returns  piece id -> decision
    """
    words = [t for p in pieces for t in _words_of(p)] if policy.format_rules else []
    rare = rare_lookalikes(words) | unknown_lookalikes(words)
    if policy.format_rules:
        rare |= short_lookalikes(
            t for p in pieces for r in p.readings[:1] for t in _SHORT.findall(unified(r.text).upper())
        )
    accents = usual_accents(r.text for p in pieces for r in p.readings[:1])
    return {p.piece_id: _decide(p, policy, rare, accents) for p in pieces}


def usual_accents(texts: Iterable[str], *, times: int = 3) -> frozenset[str]:
    """Accented letters that occur in at least ``times`` texts of a job; a lone one is more likely a speck of dust."""
    counts = Counter(c for text in texts for c in set(unified(text)) if plain_letters(c) != c)
    return frozenset(c for c, count in counts.items() if count >= times)


LIKE_MAX = 9
"""Pieces that one person's word on another may stand for: the next one is asked again."""
LIKE_SIZE_BP = 1_000
"""Look-alikes differ by this share in width and height at most: a lost point or minus makes a piece wider."""


def look_alikes(documents: Iterable[Sequence[Piece]], asked: Set[str]) -> dict[str, str]:
    """Pieces that need not be asked when another one of their document is confirmed: their look-alike.

    documents  the pieces of each document, in reading order; only within a document print and scan are the same
    asked      ids of the pieces that people are to be asked about
    returns    piece id -> id of the piece that is asked in its place. Every reader gives both the same text, two
               readers at least agree on it, as many marks of ink stand in both, and they are of one size.

    What a person keys for the other one is believed of this one only where it is what the readers say: two prints of
    one text that are read alike are rarely read wrongly in two different ways.
    """
    stands_for: dict[str, str] = {}
    for pieces in documents:
        leaders: defaultdict[tuple[object, ...], list[tuple[Piece, list[str]]]] = defaultdict(list)
        for piece in pieces:
            texts = tuple(sorted((r.reader, tight(r.text)) for r in piece.readings if r.text and r.reader != "ink"))
            if piece.piece_id not in asked or max(Counter(t for _, t in texts).values(), default=0) < 2:
                continue
            likes = leaders[texts, piece.glyphs]
            room = next((own for lead, own in likes if len(own) < LIKE_MAX and _one_size(lead.box, piece.box)), None)
            if room is None:
                likes.append((piece, []))
                continue
            room.append(piece.piece_id)
        for likes in leaders.values():
            stands_for |= {piece_id: lead.piece_id for lead, own in likes for piece_id in own}
    return stands_for


def confirmed_text(piece: Piece, keyed: str | None) -> str | None:
    """What is believed of a piece after a person keyed its look-alike; None when the piece has to be asked itself.

    keyed  the verdict on the look-alike, None = it came to none
    """
    said = [r.text for r in piece.readings if r.text and r.reader != "ink"]
    return keyed if keyed and sum(same_value(keyed, text) for text in said) >= 2 else None


def _one_size(one: Box, other: Box) -> bool:
    return all(
        abs(a - b) * 10_000 <= LIKE_SIZE_BP * max(a, b)
        for a, b in ((one.width_px, other.width_px), (one.height_px, other.height_px))
    )


def _decide(piece: Piece, policy: Policy, rare: frozenset[str], accents: frozenset[str]) -> AcceptUnseen | Ask:
    if policy.agree == 0:
        return Ask("policy: people read everything")
    if piece.empty:
        return AcceptUnseen("", "no ink in the cell") if policy.accept_empty else Ask("an empty cell")
    heard = [r for r in piece.readings if r.text]
    dash = _dash(piece, heard)
    if dash and policy.accept_dash:
        return AcceptUnseen("-", dash)
    if len(heard) < policy.agree:
        return Ask("fewer readers than must agree")
    text, backers = _largest_agreement(heard, accents)
    if len(backers) < policy.agree:
        return Ask("readers disagree")
    joint_bp = joint_confidence_bp(backers)
    if joint_bp < policy.joint_bp:
        return Ask("readers agree but are unsure")
    # the words of a born-digital page lose no decimal point; a reader beside them says that they are what is seen
    told = any(r.reader == "text_layer" for r in backers)
    if policy.format_rules and not told:
        doubt = format_doubt(text, glyphs=piece.glyphs) or rare_word(text, rare)
        if doubt:
            return Ask(doubt)
    return AcceptUnseen(text, f"{len(backers)} readers agree", joint_bp)


def _dash(piece: Piece, heard: Sequence[Reading]) -> str:
    """Why a flat mark is a dash: its shape says so and no reader says otherwise."""
    if not any(r.reader == "ink" and r.text == "-" for r in heard):
        return ""
    others = [r for r in heard if r.reader != "ink" and unified(r.text) not in {"-", "_", "~", "="}]
    return "" if any(r.confidence_bp >= 8_000 for r in others) else "one flat mark, read as a dash"


def _largest_agreement(heard: Sequence[Reading], accents: frozenset[str]) -> tuple[str, list[Reading]]:
    """The text most readers give (spacing and case aside), in the words of the first of them.

    A reader that cannot write accents backs a text that has them where it agrees on everything else, as long as those
    accents are usual in the job.
    """
    groups: defaultdict[str, list[Reading]] = defaultdict(list)
    for reading in heard:
        if reading.reader not in PLAIN_LETTER_READERS:
            groups[tight(reading.text)].append(reading)
    for reading in heard:
        if reading.reader in PLAIN_LETTER_READERS:
            own = tight(reading.text)
            same = next((k for k, said in groups.items() if own in (k, tight(_without(accents, said[0].text)))), own)
            groups[same].append(reading)
    backers = max(groups.values(), key=len)
    return best_spaced(backers), backers


def best_spaced(backers: Sequence[Reading]) -> str:
    """The first backer's spelling, with the blanks of the one that parts the most words, where no digit is about.

    Readers run words together more often than they part one; beside digits a blank may be a point that was not seen.
    """
    first = backers[0].text
    if any(c.isdigit() for c in first):
        return first
    same = [r.text for r in backers if tight(r.text) == tight(first)]
    return max(same, key=lambda text: len(text.split()))


def _without(accents: frozenset[str], text: str) -> str:
    return "".join(plain_letters(c) if c in accents else c for c in unified(text))


def plain_letters(text: str) -> str:
    """The text as a reader writes it that knows no accents: base letters, and B for a sharp s.

    >>> plain_letters("Musterstraße"), plain_letters("Käufer")
    ('MusterstraBe', 'Kaufer')
    """
    decomposed = unicodedata.normalize("NFD", text.replace("ß", "B").replace("ẞ", "B"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def joint_confidence_bp(backers: Sequence[Reading]) -> int:
    """How sure the two best backers are of their weakest characters: the product of both, basis points.

    A mean over a line hides one doubtful letter; the weakest letter is where a line is wrong if it is.
    """
    best = sorted((r.weakest_bp for r in backers), reverse=True)[:2]
    return best[0] * best[1] // 10_000 if len(best) == 2 else best[0]


_WHOLE_AMOUNT = (
    r"[-+(]?(?:\d{1,3}(?:[.,]\d{3})*[.,]\d{2}|\d{4,6}[.,]\d{2}|\d{1,3}\.\d{3},\d{4}|\d{1,3}(?:,\d{3}){2,})\)?"
)
"""An amount with its decimals or with two marks of thousands: nothing is lost, and no letter stands in its place."""


def format_doubt(text: str, *, glyphs: int = 0) -> str:
    """A known way in which readers err together, or an empty string.

    glyphs  marks counted from the ink; a bare number with as many marks as digits has lost neither point nor minus

    >>> format_doubt("8091"), format_doubt("CO2"), format_doubt("17"), format_doubt("Total")
    ('format: digits that may have lost a decimal point', 'format: a word that mixes letters and digits', \
'format: a bare number that may have lost its minus', '')
    """
    plain = unified(text)
    squeezed = plain.replace(" ", "")
    if re.fullmatch(r"[-+]?\d{1,2}", squeezed) and glyphs != len(squeezed):
        return "format: a bare number that may have lost its minus"
    if re.fullmatch(r"[02568]", squeezed):
        return "format: a lone digit that a lone %, &, O, Z, S or G is easily taken for"
    if re.search(r"\d[/-]$", plain):
        return "format: it breaks off where more should follow"
    if re.search(r"[^\W\d_]{2}", plain) and re.search(r"\d[.,]\d?1(?![\d.,])", plain):
        return "format: a number among words that may end in the l of litres"
    undated = plain
    for date, _ in find_dates(plain):
        undated = undated.replace(date, " ")
    for word in re.findall(r"[^\s:/]+", undated):
        if re.fullmatch(_WHOLE_AMOUNT, word) or not word.strip("-"):
            continue
        if re.fullmatch(r"\W*\d{3,6}\W*", word):
            return "format: digits that may have lost a decimal point"
        if re.fullmatch(r"[A-Z]{2,3}[OQIl][.,]\d{2}", word):
            return "format: a letter after a currency where the first digit may stand"
        if re.search(r"\d[OISBLoisbl|](?![a-zA-Z])|(?<![a-zA-Z])[OISBLoisbl|]\d", word):
            return "format: a letter beside a digit that looks like one"
        if len(word) >= 8 and re.match(r"[1I0Ol]", word) and any(c.isdigit() for c in word):
            return "format: a long code that begins with an ambiguous sign"
        if re.search(r"[A-Za-z]\d|\d[A-Za-z]", word):
            return "format: a word that mixes letters and digits"
    if re.search(r"\d [02568]$", plain):
        return "format: a number and a lone digit that a %, &, O, Z, S or G is easily taken for"
    if re.search(r"\d \d{2}$", plain) or re.search(r"\d,\d{2}\.\d", plain):
        return "format: a blank or comma where a decimal point may stand"
    # points stand in dates that begin with the day: what has no month in the middle is a time that lost points
    if re.search(r"(?<![\d.])(?:[01]?\d|2[0-3])\.(?:1[3-9]|[2-5]\d)\.[0-5]\d(?![\d.])", plain):
        return "format: points where the colons of a time may stand"
    return ""


def _words_of(piece: Piece) -> Iterable[str]:
    first = next((r.text for r in piece.readings if r.text), "")
    return re.findall(r"[^\W\d_]{4,}", unified(first).upper())


def rare_lookalikes(words: Iterable[str]) -> frozenset[str]:
    """Words one letter away from a word that is at least three times as frequent in the job: "INVOLCE".

    words    every word of four letters or more, with repetition
    returns  the suspicious ones, upper case
    """
    counts = Counter(words)
    by_hole: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for word in counts:
        for i in range(len(word)):
            by_hole[word[:i], word[i + 1 :]].append(word)
    suspicious: set[str] = set()
    for family in by_hole.values():
        if len(family) > 1:
            most = max(counts[w] for w in family)
            suspicious.update(w for w in family if counts[w] * 3 <= most)
    return frozenset(suspicious)


_SHORT = re.compile(r"(?<![^\W_])[^\W\d_]{3}(?![^\W_])")
_ALIKE = ("FIJLT", "CDGOQ", "BEFPR", "UVY", "HMNW", "SZ")
"""Signs that a worn print makes alike: a thin stem, a round, a stem with strokes, an open cup, stems joined, a bend."""


def short_lookalikes(words: Iterable[str], *, times: int = 10) -> frozenset[str]:
    """Words of three letters that worn signs make of a word ten times as frequent in the job: "GSI" beside "GST".

    words    every word of three letters, upper case, with repetition
    returns  the suspicious ones. Three letters have many honest neighbours, so more is asked of them than of longer
             words: that the other one is far more frequent, and that the two signs look alike.

    >>> sorted(short_lookalikes(["GST"] * 20 + ["TAX"] * 20 + ["GSI", "PAX", "GSM"]))
    ['GSI']
    """
    counts = Counter(words)
    frequent = [word for word, count in counts.items() if count >= times]
    return frozenset(
        word
        for word, count in counts.items()
        for other in frequent
        if count * times <= counts[other]
        and sum(a != b for a, b in zip(word, other, strict=True)) == 1
        and any(a != b and a in group and b in group for group in _ALIKE for a, b in zip(word, other, strict=True))
    )


@lru_cache(maxsize=1)
def _business_words() -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """Words common on receipts, invoices and statements, and each of them with one letter left out."""
    text = resources.files(__package__).joinpath("business_words.txt").read_text(encoding="utf-8")
    words = frozenset(text.upper().split())
    return words, frozenset((w[:i], w[i + 1 :]) for w in words for i in range(len(w)))


def unknown_lookalikes(words: Iterable[str]) -> frozenset[str]:
    """Words that are none of the usual business words but one letter away from one: "CASHER", "PALD".

    words    every word of four letters or more, upper case
    returns  the suspicious ones
    """
    known, holes = _business_words()
    suspicious = set()
    for word in set(words) - known:
        lost = any((word[:i], word[i:]) in holes for i in range(len(word) + 1))
        changed = any((word[:i], word[i + 1 :]) in holes for i in range(len(word)))
        added = any(word[:i] + word[i + 1 :] in known for i in range(len(word)))
        if (lost and len(word) >= 5) or changed or (added and not word.endswith("S")):
            suspicious.add(word)
    return frozenset(suspicious)


def rare_word(text: str, rare: frozenset[str]) -> str:
    """The reason to doubt a text that holds a suspicious word, or an empty string."""
    whole = unified(text).upper()
    for word in (*re.findall(r"[^\W\d_]{4,}", whole), *_SHORT.findall(whole)):
        if word in rare:
            return "word: one letter from a common word"
    return ""


def wrong_among_accepted(decisions: Mapping[str, AcceptUnseen | Ask], truth: Mapping[str, str]) -> tuple[int, int]:
    """(wrong, accepted) of the decisions whose truth is known: for audits and benchmarks."""
    accepted = {i: d for i, d in decisions.items() if isinstance(d, AcceptUnseen) and i in truth}
    return sum(core(d.text) != core(truth[i]) for i, d in accepted.items()), len(accepted)
