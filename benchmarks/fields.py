#!/usr/bin/env python3
"""Measures the only-fields mode offline: people tap where a field stands, then choose between readings of long lines of
words, and key what is left.

Rules kept here
- People are SIMULATED (error rate and share of repeated machine mistakes are printed with every figure).
- The judge is the running one (task_types.judging.decide); only the workers are made up.
- The published truth says which line is the company's name or the address; people who were not told may see it
  otherwise. So it is measured thrice: people take these two fields as published; half of all answers take them as the
  kind's rules do, which were written without the published ones; all answers do. The second is nearest to a job whose
  guide says nothing, the third is the worst that this way of asking can give.
- Who chooses between readings errs as often as who keys, and as often after the machine. People who are shown a wrong
  reading may take it for right more often than that: nobody was measured, so it is shown for three shares.
- Chance is drawn by round, field and piece, so that two ways of asking meet the same people.

usage: benchmarks/fields.py [--shared ../shared] [--readings DIR] [--rounds 20] [--wrong] [--markdown FILE]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from documents import USUAL_SKILL_BP, _on_page, answered, load_scorer, readings_of

from manyhands.documents.acceptance import POLICIES, AcceptUnseen, decide_unseen
from manyhands.documents.assemble import assemble
from manyhands.documents.choices import Choice, choices_of, pieces_chosen, read_best, suggestion
from manyhands.documents.cutter import cut
from manyhands.documents.fields import kind_spec
from manyhands.documents.model import Chosen, Decision, PageImage, PageReadings, PageRecord, Piece, PieceRecord
from manyhands.documents.text import same_value
from manyhands.documents.truth import simulate_choice, simulate_reading_choice, true_answer, truth_for_pieces
from manyhands.documents.writers import record_json
from manyhands.protocol.manifest import PayRule
from manyhands.protocol.messages import AnswerFact, ReadingFact, TaskFacts
from manyhands.quality import transcription
from manyhands.roles.exchange.decisions import RULES_CONFIDENCE_BP
from manyhands.roles.exchange.readings import readings_to_show, worth_choosing
from manyhands.task_types.asked import asked_of, read, which
from manyhands.task_types.judging import TaskBook, WorkerBook, decide, standing_from

RULE = transcription.TranscriptionRule(target_bp=9_800)
STANDING = standing_from(USUAL_SKILL_BP * 100_000, (10_000 - USUAL_SKILL_BP) * 100_000, 0)


PAY = PayRule(per_hour_minor=1_200, floor_per_hour_minor=1_200)

CONVENTIONS = {"as published": 0.0, "half as the rules": 0.5, "as the rules": 1.0}
"""How people take a company's name and its address -> share of answers that take them as the kind's rules do."""


@dataclass(frozen=True)
class Way:
    """How chosen pieces are settled. overlook: share of people who take the likest reading where none is right."""

    choosing: bool = True
    overlook: float = 0.0


WAYS = {
    "keyed blind": Way(choosing=False),
    "chosen first": Way(),
    "chosen first, 10 % overlook": Way(overlook=0.1),
    "chosen first, 30 % overlook": Way(overlook=0.3),
}
USUAL = "keyed blind"
OPEN_TO_VIEWS = ("company", "address")


def asked_until_settled(
    question: str, readings: tuple[ReadingFact, ...], answer: Callable[[], str]
) -> tuple[str | None, str, int, int]:
    """(answer people agree on or None, because, answers used, working ms), judged as a running job's oracle does.

    answer  what the next person says
    """
    facts = TaskFacts(task_id="t", question=question, readings=readings, gold=False, effort_ms=1, reward_minor=1)
    asked = asked_of(question)
    assert asked is not None
    answers: list[AnswerFact] = []
    while True:
        people = {a.worker: WorkerBook(STANDING) for a in answers}
        step = decide(TaskBook(facts, tuple(answers)), people, RULE)
        if step.outcome != "ask_more":
            break
        worker = f"w{len(answers)}"
        answers.append(AnswerFact(task_id="t", worker=worker, text=answer(), active_ms=0, received_at_ms=0))
    used_ms = len(answers) * asked.task_type.effort_ms(asked.question)
    return (step.value or "" if step.outcome == "accept" else None), step.because, len(answers), used_ms


def settled(
    choice: Choice, right: str, *, error_rate: float, rng: random.Random, own_share: float
) -> tuple[str | None, int, str, int]:
    """(answer people agree on or None, answers used, because, working ms).

    own_share  share of answers that take a name or an address as the kind's rules do
    """
    hint = suggestion(choice)

    def answer() -> str:
        owns = hint and choice.field in OPEN_TO_VIEWS and own_share and rng.random() < own_share
        return simulate_choice(hint if owns else right, hint, len(choice.places), error_rate=error_rate, rng=rng)

    readings = (ReadingFact(reader="rules", text=hint, confidence_bp=RULES_CONFIDENCE_BP),) if hint else ()
    value, because, used, used_ms = asked_until_settled(which(choice.field, len(choice.places)), readings, answer)
    return value, used, because, used_ms


def chosen_reading(
    piece: Piece, true: str, *, error_rate: float, overlook: float, rng: random.Random
) -> tuple[Decision | None, int, int]:
    """(decision by people who chose between readings, answers used, working ms); no decision = it is to be keyed."""
    real, options = readings_to_show(piece, salt=piece.piece_id)
    if not worth_choosing(piece, options, PAY):
        return None, 0, 0

    def answer() -> str:
        return simulate_reading_choice(true, options, real, error_rate=error_rate, rng=rng, overlook_share=overlook)

    known = tuple(ReadingFact(reader="machine", text=text, confidence_bp=0) for text in real)
    value, because, used, used_ms = asked_until_settled(read(options), known, answer)
    if value is None:
        return None, used, used_ms
    return Decision("people", value, because, None, used), used, used_ms


def run(
    readings: dict[str, tuple[str, list[PageReadings]]],
    truths: dict[str, dict[str, Any]],
    *,
    error_rate: float,
    seed: int,
    out: Path,
    tally: Counter[str],
    wrong: bool,
    own_share: float,
    way: Way,
) -> None:
    """One round over receipts and invoices; writes results to ``out`` and counts into ``tally``."""
    pieces = {d: [p for page in pages for p in cut(page, doc_id=d)] for d, (_, pages) in readings.items()}
    decisions = decide_unseen([p for own in pieces.values() for p in own], POLICIES["agreement"])
    for doc_id, (kind, pages) in readings.items():
        spec, by_number = kind_spec(kind), {page.page_no: page for page in pages}
        if not spec.fields:
            continue
        texts = truth_for_pieces([_on_page(p, by_number[p.page_no]) for p in pieces[doc_id]], truths[doc_id])
        blank = [
            PageRecord(doc_id, PageImage(p.page_no, p.width_px, p.height_px), (), p.tables, p.readers, p.straight)
            for p in pages
        ]
        of_page = {n: [p for p in pieces[doc_id] if p.page_no == n] for n in by_number}
        drafts = [read_best(of_page[page.page.page_no], page) for page in blank]
        chosen: dict[str, Chosen] = {}
        fields = {field.name: field for field in spec.fields}
        for choice in choices_of(spec, drafts):
            value = str((truths[doc_id].get("fields") or {}).get(choice.field, ""))
            right = true_answer(choice, fields[choice.field], texts, value)
            rng = random.Random(f"{seed} {doc_id} {choice.field}")
            answer, used, because, ms = settled(choice, right, error_rate=error_rate, rng=rng, own_share=own_share)
            tally[f"{kind} choices"] += 1
            tally[f"{kind} choice answers"] += used
            tally[f"{kind} human ms"] += ms
            tally[f"{kind} places"] += len(choice.places)
            chosen[choice.field] = Chosen(pieces_chosen(choice, answer), used, because)
            if wrong and seed == 0 and (answer != right or "none" in right or suggestion(choice) != right):
                print(f"{doc_id} {choice.field}: rules {suggestion(choice)!r}, true {right!r}, said {answer!r}")
        keyed = {i for one in chosen.values() for i in one.pieces}
        records = []
        for page in blank:
            done = [
                PieceRecord(
                    p,
                    word(
                        p,
                        decisions[p.piece_id],
                        texts[p.piece_id],
                        p.piece_id in keyed,
                        kind,
                        error_rate,
                        random.Random(f"{seed} {p.piece_id}"),
                        tally,
                        way,
                    ),
                )
                for p in of_page[page.page.page_no]
            ]
            records.append(msgspec.structs.replace(page, pieces=tuple(done)))
        tally[f"{kind} documents"] += 1
        record = assemble(doc_id, kind, records, chosen=chosen, allow_open=True)
        (out / f"{doc_id}.json").write_bytes(record_json(record))


def word(
    piece: Piece,
    step: Any,
    true: str,
    wanted: bool,
    kind: str,
    error_rate: float,
    rng: random.Random,
    tally: Counter[str],
    way: Way,
) -> Decision:
    """What is believed of a piece: unseen, chosen or keyed because it belongs to a field, or nothing."""
    if isinstance(step, AcceptUnseen):
        return Decision("machine" if step.text else "blank", step.text, step.because)
    if not wanted:
        return Decision("open", "", "nobody asked for it")
    tally[f"{kind} pieces"] += 1
    if way.choosing:
        picked, used, ms = chosen_reading(piece, true, error_rate=error_rate, overlook=way.overlook, rng=rng)
        tally[f"{kind} reading choices"] += used > 0
        tally[f"{kind} reading answers"] += used
        tally[f"{kind} human ms"] += ms
        if picked is not None:
            tally[f"{kind} wrong chosen"] += not same_value(picked.text, true)
            tally[f"{kind} chosen"] += 1
            return picked
    decision, used, ms = answered(piece, true, error_rate=error_rate, rng=rng, judge="running")
    tally[f"{kind} keyed"] += 1
    tally[f"{kind} key answers"] += used
    tally[f"{kind} human ms"] += ms
    tally[f"{kind} wrong keyed"] += not same_value(decision.text, true)
    return decision


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(__file__).resolve().parents[1].parent / "shared")
    parser.add_argument("--readings", type=Path, help="folder that keeps machine readings between runs")
    parser.add_argument("--error", type=float, default=0.03)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--wrong", action="store_true", help="name the fields that go wrong in the first round")
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    scorer = load_scorer(args.shared)
    truth_dir = args.shared / "documents" / "truth"
    readings = {
        d: one for d, one in readings_of(args.shared, args.readings, ("ppocr6", "ppocr4")).items() if one[0] != "table"
    }
    truths = {d: json.loads((truth_dir / f"{d}.json").read_text(encoding="utf-8")) for d in readings}
    measured = {
        name: measure(scorer, readings, truths, truth_dir, args, own_share) for name, own_share in CONVENTIONS.items()
    }
    ways = {
        name: measured["as published"]
        if name == USUAL
        else measure(scorer, readings, truths, truth_dir, args, 0.0, way)
        for name, way in WAYS.items()
    }
    page = markdown(
        measured, ways, args.rounds, args.error, f"uv run python benchmarks/fields.py --rounds {args.rounds}"
    )
    print(page)
    if args.markdown:
        args.markdown.write_text(page, encoding="utf-8")
    return 0


Measured = tuple[Counter[str], dict[tuple[str, str], list[float]]]
"""Counts over all rounds; (kind, field or "all") -> share right of each round."""


def measure(
    scorer: Any,
    readings: dict[str, tuple[str, list[PageReadings]]],
    truths: dict[str, dict[str, Any]],
    truth_dir: Path,
    args: argparse.Namespace,
    own_share: float,
    way: Way = WAYS[USUAL],
) -> Measured:
    """All rounds with people of one convention."""
    tally: Counter[str] = Counter()
    right: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary)
        for seed in range(args.rounds):
            show = args.wrong and seed == 0 and not own_share
            run(
                readings,
                truths,
                error_rate=args.error,
                seed=seed,
                out=out,
                tally=tally,
                wrong=show,
                own_share=own_share,
                way=way,
            )
            if show:
                show_wrong(scorer, truths, out)
            for kind, score in scorer.score(str(truth_dir), str(out)).items():
                right[kind, "all"].append(score.get("field_f1_value") or 0.0)
                for name, field in score.get("fields", {}).items():
                    right[kind, name].append(field["value"] or 0.0)
    return tally, dict(right)


def show_wrong(scorer: Any, truths: dict[str, dict[str, Any]], out: Path) -> None:
    for doc_id, truth in truths.items():
        got = json.loads((out / f"{doc_id}.json").read_text(encoding="utf-8")).get("fields") or {}
        for name, value in (truth.get("fields") or {}).items():
            said = got.get(name, "")
            if not said or scorer.value(name, said) != scorer.value(name, value):
                print(f"WRONG {doc_id} {name}: {said!r} is {value!r}")


MEASURES = (
    "fields by value",
    "answers a document (taps, chosen, keyed)",
    "human seconds",
    "cost at 6 / 12 USD an hour",
)
GOALS = {"receipt": (">= 96 %", "<= 8", "<= 45", "<= 0.08 at 6"), "invoice": (">= 95 %", "", "", "")}


def markdown(
    measured: dict[str, Measured], ways: dict[str, Measured], rounds: int, error_rate: float, command: str
) -> str:
    """The figures as a page."""
    lines = [
        "# Only the fields of a document, measured",
        "",
        f"`{command}`, scored by the shared `documents_score.py`. **The people are simulated**: {100 * error_rate:g} % "
        f"of answers wrong, 15 % of these repeat the machine's own mistake; {rounds} rounds. They tap where a field "
        "stands (the rules' hidden suggestion agrees or not). Chosen pieces that no rule believes unseen are "
        "keyed blind, as in every job whose target is above 99 %. Human seconds and cost are computed, not timed.",
        "",
        "Which line is the company's name, and where an address ends, is a convention. People who know the published "
        "one flatter the figure, so it is measured thrice: as published, with half of all answers for these two fields "
        "as the kind's rules take them, with all of them so.",
        "",
        "| measure | " + " | ".join(measured) + " | goal |",
        "| --- |" + " --- |" * (len(measured) + 1),
    ]
    for kind, goals in GOALS.items():
        rows = [_cells(kind, *one) for one in measured.values()]
        names = (
            "fields by value",
            "answers a document (taps, chosen, keyed)",
            "human seconds",
            "cost at 6 / 12 USD an hour",
        )
        for name, cells, goal in zip(names, zip(*rows, strict=True), goals, strict=True):
            lines.append(f"| {kind}: {name} | " + " | ".join(cells) + f" | {goal} |")
    lines += ["", "| field | " + " | ".join(measured) + " |", "| --- |" + " --- |" * len(measured)]
    for kind, name in sorted({key for _, right in measured.values() for key in right if key[0] in GOALS}):
        if name != "all":
            means = (sum(right[kind, name]) / len(right[kind, name]) for _, right in measured.values())
            lines.append(f"| {kind}: {name} | " + " | ".join(f"{100 * mean:.1f} %" for mean in means) + " |")
    lines += [
        "",
        "## Chosen between readings, or keyed blind",
        "",
        "As published. *Overlook*: share of people who take the likest reading shown for right where none is; the "
        "second column reckons with none. Long lines are chosen where a job's target is 99 % or less: two "
        "people choose between the readings, what that does not settle is keyed.",
        "",
        "| measure | " + " | ".join(ways) + " |",
        "| --- |" + " --- |" * len(ways),
    ]
    for kind in GOALS:
        rows = [
            (*_cells(kind, *one), *(_wrong(kind, one[0], how) for how in ("chosen", "keyed"))) for one in ways.values()
        ]
        names = (*MEASURES, "chosen pieces wrong", "keyed pieces wrong")
        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            lines.append(f"| {kind}: {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _wrong(kind: str, tally: Counter[str], how: str) -> str:
    return f"{tally[f'{kind} wrong {how}']} of {tally[f'{kind} {how}']}"


def _cells(kind: str, tally: Counter[str], right: dict[tuple[str, str], list[float]]) -> tuple[str, str, str, str]:
    documents = max(1, tally[f"{kind} documents"])
    taps, picks, keys = (tally[f"{kind} {name} answers"] / documents for name in ("choice", "reading", "key"))
    seconds = tally[f"{kind} human ms"] / 1000 / documents
    share = sum(right[kind, "all"]) / len(right[kind, "all"])
    return (
        f"{100 * share:.2f} %",
        f"{taps + picks + keys:.2f} ({taps:.2f}, {picks:.2f}, {keys:.2f})",
        f"{seconds:.1f}",
        f"{seconds / 600:.3f} / {seconds / 300:.3f}",
    )


if __name__ == "__main__":
    sys.exit(main())
