"""Every sentence of the platform that pages show is found where it is made, recognised, and said in every language."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import manyhands
from manyhands.apps import questions
from manyhands.apps.compose import PlatformNotUp
from manyhands.apps.questions import Problem
from manyhands.documents.importing import REASONS, refusal
from manyhands.protocol.canonical import BadShape
from manyhands.protocol.errors import BadManifest, IllegalMove, ManyhandsError, ProtocolError
from manyhands.protocol.money import MHT, Money
from manyhands.quality.abuse import Flag
from manyhands.quality.calibration import Reliability, Scale
from manyhands.roles.exchange.errors import NameTaken
from manyhands.roles.launcher.purses import Purse
from manyhands.task_types.measured import Measured

from .assets import ComponentMissing
from .problems import problem_response
from .said import TEXT_MAX_CHARS, Said, gaps, said, spoken
from .sentences import SENTENCES

HOUSE = Path(manyhands.__file__).parent
GAP = "\0"


def text_of(one: ast.AST) -> str | None:
    """A text as code writes it, with a mark for what is filled in; None for what is none."""
    match one:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w+\}", GAP, text)
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            texts = [text_of(left), text_of(right)]
            return None if texts == [None, None] else "".join(GAP if text is None else text for text in texts)
    return None


def texts_of(one: ast.AST) -> Iterator[str]:
    """Every text under a node; parts of a text with gaps are not told again, what fills the gaps is."""
    text = text_of(one)
    if text is not None:
        yield text
    if isinstance(one, ast.Constant):
        return
    for inside in ast.iter_child_nodes(one):
        if not (isinstance(one, ast.JoinedStr) and isinstance(inside, ast.Constant)):
            yield from texts_of(inside)


@functools.cache
def written() -> frozenset[str]:
    """Every text that our code writes, but for the list itself."""
    return frozenset(
        text
        for path in sorted(HOUSE.rglob("*.py"))
        if not path.name.startswith(("test_", "conftest")) and path.name not in ("sentences.py", "shapes.py")
        for text in texts_of(ast.parse(path.read_text(encoding="utf-8")))
    )


@functools.cache
def composed(skeleton: str, depth: int = 2) -> bool:
    """Whether code writes this text: as it is, or as a frame whose gaps are filled with other texts that it writes."""
    if skeleton in ("", GAP) or skeleton in written():
        return True
    return depth > 0 and any(
        all(composed(part, depth - 1) for part in match.groups())
        for literals, frame in frames()
        if all(literal in skeleton for literal in literals)
        if (match := frame.fullmatch(skeleton)) and skeleton not in match.groups()
    )


@functools.cache
def frames() -> tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]:
    """Texts with gaps: what they write between them, and a pattern whose groups are what fills them."""
    return tuple(
        (tuple(literals), re.compile("(.*?)".join(map(re.escape, literals)), re.DOTALL))
        for literals in (text.split(GAP) for text in sorted(written()) if GAP in text.strip())
    )


def test_every_sentence_is_one_that_our_code_writes() -> None:
    apart = {code for code in SENTENCES if code.startswith("confidence_")}  # two texts joined: tested below
    strange = [
        (code, skeleton)
        for code, template in SENTENCES.items()
        if not composed(skeleton := "".join(text + (GAP if name else "") for text, name, _ in gaps(template)))
    ]
    assert [one for one in strange if one[0] not in apart] == []


@pytest.mark.parametrize("reliability", [None, Reliability(0.0312, ())])
@pytest.mark.parametrize("rests", ["known by the requester", "by people alone, without the readers"])
@pytest.mark.parametrize(
    ("scale", "code"),
    [
        (Scale(temperature=3.0, gold=2), "confidence_open"),
        (Scale(temperature=3.0, shift=-0.25, gold=40), "confidence_scaled"),
        (Scale(temperature=3.0, gold=40, knots=np.array([0.5]), heights=np.array([0.5])), "confidence_steps"),
    ],
)
def test_what_a_jobs_confidence_rests_on_is_recognised(
    scale: Scale, code: str, rests: str, reliability: Reliability | None
) -> None:
    confidence = f"{scale.says}, {rests}" if scale.calibrated else scale.says
    measured = Measured(
        confidence=confidence, calibrated=scale.calibrated, gold=scale.gold, contested=("a",),
        reliability=reliability if scale.calibrated else None,
        signs=tuple(Flag(kind, ("w", "v"), {}, 1, "says") for kind in ("copies", "too-fast")),
    )  # fmt: skip
    found = said("; ".join(measured.says))
    assert [one.code for one in found] == [
        f"{code}.error" if measured.reliability else code, "contested", "signs", "sign_more",
    ]  # fmt: skip


# --- refusals ---------------------------------------------------------------------------------------------------

SPEAKING = ("roles/exchange", "roles/launcher", "apps/desk", "apps/web", "apps/questions.py", "apps/operating")
"""Where routes of the site refuse."""

NOT_ON_PAGES = (ComponentMissing, PlatformNotUp)
"""Refused where a process starts."""


def meets_a_page(made: type[Exception]) -> bool:
    """Whether a route may refuse with it: what roles refuse each other's messages with, no page meets."""
    if made in NOT_ON_PAGES or made in (BadShape, IllegalMove):  # the last two are tried by themselves
        return False
    return issubclass(made, ManyhandsError) and (made is BadManifest or not issubclass(made, ProtocolError))


def refusals_made() -> Iterator[tuple[str, type[ManyhandsError], ast.Call]]:
    """Every place where an error is made: file and line, its class, the call."""
    for place in SPEAKING:
        for path in sorted((HOUSE / place).rglob("*.py")) if (HOUSE / place).is_dir() else [HOUSE / place]:
            if path.name.startswith(("test_", "conftest", "testing")):
                continue
            name = ".".join(("manyhands", *path.relative_to(HOUSE).with_suffix("").parts)).removesuffix(".__init__")
            known = vars(importlib.import_module(name))
            for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(one, ast.Call) and isinstance(one.func, ast.Name):
                    made = known.get(one.func.id)
                    if isinstance(made, type) and meets_a_page(made):
                        yield f"{path.name}:{one.lineno}", made, one


def sample(one: ast.AST | None, wanted: str, name: str) -> Any:
    """What a call is made with, as far as it is written there; else something of the type that is asked for."""
    text = None if one is None else text_of(one)
    if isinstance(one, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "'7'" if part.conversion == ord("r") else "7"
            for part in one.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    if text is not None and GAP not in text:
        return text
    return {
        "int": 7, "bool": True, "Sequence[str]": ("worker",), "Money": Money(7, MHT),
        "Collection[str]": ("MHT",), "Purse": A_PURSE, "Iterable[Problem]": (Problem(3, "page", "it is empty"),),
        "Sheet": "claims", "str": WORDS_OF.get(name, "seven"),
    }.get(wanted)  # fmt: skip


A_PURSE = Purse(
    requester="r", currency="MHT", exponent=6, limit_minor=7, by_default=True, paid_in_minor=1, spent_minor=0,
    held_minor=0, free_minor=8,
)  # fmt: skip
WORDS_OF = {
    "span": "day",
    "asks": "claims",
    "cure": "Wait until its pages are read in.",
    "called": "link",
    "what": "link",
    "state": "ready",
}


def test_every_refusal_of_a_route_is_recognised_with_its_cure() -> None:
    mute, tried = [], 0
    for place, made, call in refusals_made():
        wanted = list(inspect.signature(made.__init__).parameters.values())[1:]
        given = {one.name: value for one, value in zip(wanted, call.args, strict=False)}
        given |= {one.arg: one.value for one in call.keywords if one.arg}
        values = {
            one.name: sample(given.get(one.name), str(one.annotation).split(" |")[0], one.name)
            for one in wanted
            if one.name in given or one.default is inspect.Parameter.empty
        }
        by_place = [values[one.name] for one in wanted if one.kind is one.POSITIONAL_OR_KEYWORD and one.name in values]
        by_name = {one.name: values[one.name] for one in wanted if one.kind is one.KEYWORD_ONLY and one.name in values}
        problem = made(*by_place, **by_name)
        tried += 1
        mute += [(place, text) for text in (problem.message, problem.cure) if text and not said(text)]
    assert mute == []
    assert tried > 150


@pytest.mark.parametrize(
    "problem", [BadShape("request", "Expected `int`, got `str` - at `$.count`"), IllegalMove("job j", "open", "fund")]
)
def test_the_refusals_of_every_party_that_a_page_may_meet_are_recognised_too(problem: ManyhandsError) -> None:
    assert said(problem.message)


def test_every_fault_of_a_table_is_recognised() -> None:
    tree = ast.parse(Path(questions.__file__).read_text(encoding="utf-8"))
    faults = [
        sample(one.args[2], "str", "reason")
        for one in ast.walk(tree)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "Problem"
        and isinstance(one.args[2], ast.Constant | ast.JoinedStr)
    ]  # fmt: skip
    assert len(faults) > 10
    assert [fault for fault in faults if not said(fault)] == []


def test_every_reason_and_cure_of_a_file_that_is_not_taken_in_is_recognised() -> None:
    of_folders = {"no_such_folder", "empty_folder", "too_many_files"}  # the desk takes files
    told = [refusal("f", code, "12") for code in REASONS if code not in of_folders]
    assert [one for one in told if not said(one.reason) or not said(one.cure)] == []


# --- what is told, and in which languages -----------------------------------------------------------------------------

TEXTS = Path(__file__).parent / "static" / "js" / "texts"
OTHERS = sorted(path.name.partition(".")[0] for path in TEXTS.glob("*.said.js") if path.name != "en.said.js")


def lines_of(language: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """(sentence -> its text or texts, gap -> word -> word) of a language."""
    source = (TEXTS / f"{language}.said.js").read_text(encoding="utf-8")
    texts, _, fillings = source.partition("export const fillings")
    gaps_filled = {
        name: {key.strip('"'): word for key, word in re.findall(r'("[^"]+"|\w+): "([^"]+)"', words)}
        for name, words in re.findall(r"^  (\w+): \{(.*?)\},?$", fillings, re.MULTILINE | re.DOTALL)
    }
    return dict(re.findall(r'^  "([^"]+)": (.*),$', texts, re.MULTILINE)), gaps_filled


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_is_said_in_every_language_with_the_same_figures(language: str) -> None:
    texts, fillings = lines_of(language)
    assert list(texts) == list(SENTENCES)
    for code, template in SENTENCES.items():
        named = {name: spec for _, name, spec in gaps(template) if name}
        for text in re.findall(r'"((?:[^"\\]|\\.)*)"', texts[code].replace('=== "1"', "")):
            left_out = {"problem"} if code in UNTRANSLATED else set()
            assert set(re.findall(r"\{(\w+)\}", text)) == set(named) - left_out, code
        for name, spec in named.items():
            if "|" in spec:
                assert set(spec.split("|")) <= set(fillings[name]), (code, name)


UNTRANSLATED = {"bad_request.shape", "bad_shape", "table_no_csv"}
"""What a checker of shapes or tables says in its own English; a page in another language leaves it out."""


def test_a_refusal_leaves_the_site_with_its_sentences_and_what_they_say() -> None:
    told = msgspec.json.decode(problem_response(NameTaken("otter")).body)["error"]
    assert told["message"] == "the name 'otter' is taken"
    assert told["message_said"] == [{"code": "name_taken", "figures": {"name": "otter"}}]
    assert told["cure_said"] == [{"code": "name_taken.cure", "figures": {}}]


@pytest.mark.parametrize(
    "words",
    [
        "I keyed what I saw; the ink is faint", "the reader has no memory left", "there is no total on this page",
        "Two people agree with me", "2 people agree with me", "the shop failed this job before us, see page 2",
        "row 3: the amount is mine", "this address is not ours", "the job is done: pay it", "",
    ],
)  # fmt: skip
def test_what_people_and_other_programs_say_is_no_sentence_of_the_platform(words: str) -> None:
    assert said(words) == ()


def test_a_sentence_is_told_beside_its_field_wherever_it_stands() -> None:
    words = "I keyed what I saw; the ink is faint"
    assert spoken({"because": words, "inside": [{"reason": "2 people agree"}]}) == {
        "because": words,
        "inside": [{"reason": "2 people agree", "reason_said": said("2 people agree")}],
    }


def test_sentences_are_told_apart_also_where_one_ends_in_any_text() -> None:
    found = said("failed 3 times: boom; the job's funds are used up")
    assert [one.code for one in found] == ["stuck_failed", "funds_used"]
    assert [one.code for one in said("equal; it takes its share of other jobs")] == ["route_equal"]
    (judged,) = said("judged accepted, resting on no holdback: nothing of this job was measured against truth")
    assert judged.figures["rests_on"] == (Said("no_holdback"),)


def test_a_long_text_costs_no_more_than_a_look() -> None:
    assert said("x" * (TEXT_MAX_CHARS + 1)) == ()
    assert said("2 people agree; " * 40 + "and so on") == ()
