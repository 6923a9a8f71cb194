"""Jobs of keyed pieces judged by a worker's whole skill and by the skill in each answer type, with the same answers.

    uv run python benchmarks/standings.py --seeds 40

Simulated people: five jobs of 200 pieces in a row (text 40 %, amount 30 %, date and code 15 % each), 30 workers whose
standing goes from job to job as in the platform. Every worker's answer to every piece is drawn once, so the rules see
the same people say the same; a third of all mistakes is one that others make too.

alike        a worker is as good at everything           a little, unlike   types scatter by 0.5 and 1 in log-odds
specialists  half are good at amounts and bad at texts,  hard type          codes are hard for everybody
             the others the reverse
"""

from __future__ import annotations

import argparse
from typing import Any

import msgspec
import numpy as np

from manyhands.protocol.evidence import JudgingTerms
from manyhands.protocol.manifest import QualityRule
from manyhands.protocol.messages import REQUESTER, AnswerFact, ReadingFact, TaskFacts
from manyhands.quality import reputation
from manyhands.roles.reputation.decide import moved_standings
from manyhands.task_types.judging import DeliveredSet, TaskBook, WorkerBook, brought_in, judge_batch

TYPES = ("text", "amount", "date", "code")
SHARES = (0.4, 0.3, 0.15, 0.15)
CROWDS = ("alike", "a little", "unlike", "specialists", "hard type")
JOBS, PIECES, WORKERS = 5, 200, 30


def crowd(chance: np.random.Generator, kind: str) -> np.ndarray:
    """Chance of a right answer, workers x types."""
    base = chance.normal(2.4, 0.7, WORKERS)[:, None]
    shape = (WORKERS, len(TYPES))
    match kind:
        case "alike":
            apart = np.zeros(shape)
        case "a little" | "unlike":
            apart = chance.normal(0, 0.5 if kind == "a little" else 1.0, shape)
        case "specialists":
            numerate = chance.random(WORKERS)[:, None] < 0.5
            apart = np.where(numerate, np.array([-1.5, 1.2, 0, 0]), np.array([1.2, -1.5, 0, 0]))
        case _:
            apart = np.tile(np.array([0, 0, 0, -1.8]), (WORKERS, 1))
    return 1 / (1 + np.exp(-(base + apart)))


def spelled(job: int, piece: int, kind: int, mistake: int | None = None) -> str:
    """The true value of a piece, or one of the values it is mistaken for."""
    day = piece % 28 + 1
    if mistake is None:
        return (f"word {job} {piece}", f"{piece}.50", f"2026-01-{day:02d} {piece}", f"A{piece}")[kind]
    return (
        f"slip {job} {piece} {mistake}", f"{piece}.{60 + mistake}", f"2025-02-{day:02d} {piece} {mistake}",
        f"B{piece}-{mistake}",
    )[kind]  # fmt: skip


def plan(chance: np.random.Generator) -> dict[str, np.ndarray]:
    """Everything that chance decides in one job, whatever the rule asks for."""
    each = (PIECES, WORKERS)
    return {
        "kind": chance.choice(len(TYPES), PIECES, p=SHARES), "gold": chance.random(PIECES) < 0.05,
        "turn": np.array([chance.permutation(WORKERS) for _ in range(PIECES)]), "said": chance.random(each),
        "shared": chance.random(each) < 0.3, "other": chance.integers(0, 30, each), "blind": chance.random(each) < 0.02,
        "read": chance.random(PIECES) < 0.88, "read_shared": chance.random(PIECES) < 0.4,
    }  # fmt: skip


def played(seed: int, kind: str, lean: int, *, readers: bool) -> tuple[float, float, float, float]:
    """(share right of all, of delivered, answers a piece, error of the believed skills); shares and error in %."""
    chance = np.random.default_rng(seed)
    skill = crowd(chance, kind)
    first: list[list[int]] = [[] for _ in range(WORKERS)]
    counts: dict[str, tuple[int, int, int]] = {}
    types: dict[str, dict[str, reputation.Counts]] = {}
    right = delivered = answers = pieces = 0
    for job in range(JOBS):
        drawn = plan(chance)
        prior = reputation.pooled_prior(sorted((sum(own[:20]), len(own[:20]) - sum(own[:20])) for own in first))
        terms = JudgingTerms(
            prior_right_micro=prior.right_micro, prior_wrong_micro=prior.wrong_micro, brought_most=20,
            settled_weight_bp=5_000, suspends_gold=True, type_lean=lean or msgspec.UNSET,
        )  # fmt: skip
        tasks = {str(piece): TaskBook(_facts(job, piece, drawn, readers=readers)) for piece in range(PIECES)}
        people = {
            f"w{n}": WorkerBook(brought_in(counts.get(f"w{n}", (0, 0, 0)), terms, types.get(f"w{n}", {})), terms=terms)
            for n in range(WORKERS)
        }
        asked, wanted = [0] * PIECES, [1] * PIECES
        events: list[reputation.Event] = []
        held = DeliveredSet()
        while any(task.settled is None for task in tasks.values()):
            batch = []
            for piece in range(PIECES):
                while tasks[str(piece)].settled is None and asked[piece] < wanted[piece]:
                    worker = int(drawn["turn"][piece, asked[piece]])
                    asked[piece] += 1
                    batch.append(_answer(job, piece, worker, asked[piece], drawn, skill))
            answers += len(batch)
            judged = judge_batch(
                batch,
                tasks=tasks,
                workers=people,
                rule=QualityRule(),
                skill="transcription",
                delivered=held,
                terms=terms,
            )
            tasks.update(judged.tasks)
            people.update(judged.workers)
            held, events = judged.delivered, [*events, *judged.outcomes]
            for decision in judged.decisions:
                wanted[int(decision.task_id)] = max(wanted[int(decision.task_id)], decision.wanted)
        for piece in np.flatnonzero(~drawn["gold"]):
            settled = tasks[str(piece)].settled
            pieces += 1
            if settled is not None and settled.outcome == "accept":
                delivered += 1
                right += settled.value == spelled(job, int(piece), int(drawn["kind"][piece]))
        for event in events:
            if isinstance(event, reputation.Outcome):
                first[int(event.worker[1:])].append(int(event.right))
        for worker, standing in moved_standings(events, counts, terms, types).items():
            counts[worker] = (standing.right_micro, standing.wrong_micro, standing.at_ms)
            types[worker] = standing.types
    believed = np.array([[people[f"w{n}"].skill_bp(name) / 10_000 for name in TYPES] for n in range(WORKERS)])
    error = float(np.sqrt((((believed - skill) ** 2) * np.array(SHARES)).sum(axis=1).mean()))
    return 100 * right / pieces, 100 * right / delivered, answers / (JOBS * PIECES), 100 * error


def _facts(job: int, piece: int, drawn: dict[str, np.ndarray], *, readers: bool) -> TaskFacts:
    kind, gold = int(drawn["kind"][piece]), bool(drawn["gold"][piece])
    told: tuple[ReadingFact, ...] = ()
    if gold:
        told = (ReadingFact(reader=REQUESTER, text=spelled(job, piece, kind), confidence_bp=9_990),)
    elif readers:
        mistake = None if drawn["read"][piece] else 99 if drawn["read_shared"][piece] else 98
        told = (ReadingFact(reader="one", text=spelled(job, piece, kind, mistake), confidence_bp=8_800),)
    return TaskFacts(
        task_id=str(piece), question=TYPES[kind], readings=told, gold=gold, effort_ms=5_000, reward_minor=1
    )


def _answer(job: int, piece: int, worker: int, turn: int, drawn: dict[str, Any], skill: np.ndarray) -> AnswerFact:
    kind = int(drawn["kind"][piece])
    text = None
    if not drawn["blind"][piece, worker]:
        mistake = 99 if drawn["shared"][piece, worker] else int(drawn["other"][piece, worker])
        text = spelled(job, piece, kind, None if drawn["said"][piece, worker] < skill[worker, kind] else mistake)
    return AnswerFact(
        task_id=str(piece), worker=f"w{worker}", text=text, active_ms=5_000, received_at_ms=job * 1_000 + turn
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=5_000)
    parser.add_argument("--lean", type=int, default=reputation.TYPE_LEAN)
    chosen = parser.parse_args()
    print("| readers | crowd | right of all, whole / by type | of delivered | answers a piece | error of beliefs |")
    print("| --- | --- | --- | --- | --- | --- |")
    seeds = range(chosen.first, chosen.first + chosen.seeds)
    for readers in (True, False):
        for kind in CROWDS:
            whole, typed = (
                np.array([played(seed, kind, lean, readers=readers) for seed in seeds]) for lean in (0, chosen.lean)
            )
            apart = (typed - whole).mean(axis=0)
            doubt = (typed - whole).std(axis=0, ddof=1) / len(seeds) ** 0.5
            cells = [
                f"{whole[:, n].mean():.{digits}f} / {typed[:, n].mean():.{digits}f} "
                f"({apart[n]:+.{digits}f} ± {doubt[n]:.{digits}f})"
                for n, digits in enumerate((2, 2, 3, 2))
            ]
            print(f"| {'one' if readers else 'none'} | {kind} | {' | '.join(cells)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
