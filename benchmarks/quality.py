"""Figures of manyhands.quality beside crowd-kit: accuracy, calibration, cost, speed, robustness, texts, digits.

Both run in turn, each run in a fork of its own; CPU seconds are medians over the repeats. Peers stay out of the
project's own dependencies, so they are named in the command:

    uv run --extra fast --with crowd-kit==1.4.2 --with "scikit-learn<1.7" --with pandas \\
        python benchmarks/quality.py --data ../shared/crowd-data --out docs/benchmarks/quality.md

--quick leaves out the ten-million run and takes fewer seeds. --parts runs some tables only and adds them to the file.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pickle
import re
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  # the thread limits must be set first
import pandas as pd  # noqa: E402

from manyhands.quality import Online, categorical, engine, infer  # noqa: E402
from manyhands.quality.calibration import reliability  # noqa: E402
from manyhands.quality.transcription import Accept, AskMore, Keyed, TranscriptionRule, next_step  # noqa: E402

NAMED = ("product", "zencrowd_in", "dog", "web")
PARTS = ("accuracy", "left-out", "shapes", "cost", "speed", "attack", "kinds")
#: the synthetic crowds of the part "shapes"; others were looked at while the models were made
SHAPE_SEEDS = range(900_000, 900_060)
LINES: list[str] = []


def say(line: str = "") -> None:
    print(line, flush=True)
    LINES.append(line)


def load(folder: Path, name: str) -> tuple[pd.DataFrame, pd.Series]:
    answers = pd.read_csv(folder / name / "labels.csv").dropna().drop_duplicates(["task", "worker"])
    truth = pd.read_csv(folder / name / "truth.csv").drop_duplicates("task").set_index("task").label
    return answers, truth[truth.index.isin(set(answers.task))]


def forked(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """(result, CPU seconds, MiB above the start) of work done in a child process."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        result = work()
        spent = time.process_time() - started
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        with os.fdopen(write, "wb") as pipe:
            pickle.dump((result, spent, peak), pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        raise RuntimeError("a measured run ended without an answer")
    return pickle.loads(answer)


def in_turn(works: dict[str, Callable[[], Any]], repeats: int) -> dict[str, tuple[Any, float, float]]:
    """Median CPU and peak of each work, run by turns."""
    runs: dict[str, list[tuple[Any, float, float]]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            runs[name].append(forked(work))
    return {
        name: (done[-1][0], float(np.median([run[1] for run in done])), float(np.median([run[2] for run in done])))
        for name, done in runs.items()
    }


def peers() -> dict[str, Callable[[pd.DataFrame], pd.Series]]:
    from crowdkit.aggregation import DawidSkene, MajorityVote, OneCoinDawidSkene, Wawa

    return {
        "MV": lambda d: MajorityVote().fit_predict(d),
        "Wawa": lambda d: Wawa().fit_predict(d),
        "DS": lambda d: DawidSkene(n_iter=100).fit_predict(d),
        "1coin": lambda d: OneCoinDawidSkene(n_iter=100).fit_predict(d),
    }


def labels_of(table: pd.DataFrame) -> pd.Series:
    return table.set_index("task").label


def right(labels: pd.Series, truth: pd.Series) -> float:
    return 100.0 * float((labels.reindex(truth.index) == truth).mean())


def f1(labels: pd.Series, truth: pd.Series) -> float:
    given = labels.reindex(truth.index)
    return 200.0 * float(((given == 1) & (truth == 1)).sum()) / float((given == 1).sum() + (truth == 1).sum())


def accuracy(folder: Path, splits: int) -> None:
    say("## Accuracy of named labels, %\n")
    say("No gold, then 60 gold items (mean of random splits; all tasks with truth, and the tasks that were no gold).\n")
    say(
        "| set | crowd-kit MV | Wawa | DS | one-coin | ours | ours, 60 gold | ... on the rest | ECE, 60 gold |"
        " ECE, no gold |"
    )
    say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    sums = []
    for name in NAMED:
        answers, truth = load(folder, name)
        row = [right(method(answers), truth) for method in peers().values()]
        table = infer(answers).table.set_index("task")
        row.append(right(table.label, truth))
        sure = table.reindex(truth.index)
        ece_plain = 100 * reliability(sure.confidence.to_numpy(), (sure.label == truth).to_numpy()).ece
        every, rest, ece = [], [], []
        for seed in range(splits):
            gold = truth.sample(60, random_state=seed)
            table = infer(answers, gold=gold).table.set_index("task")
            left = truth.drop(gold.index)
            every.append(right(table.label, truth))
            rest.append(right(table.label, left))
            own = table.reindex(left.index)
            ece.append(100 * reliability(own.confidence.to_numpy(), (own.label == left).to_numpy()).ece)
        row += [float(np.mean(every)), float(np.mean(rest)), float(np.mean(ece)), ece_plain]
        sums.append(row)
        say(f"| {name} | " + " | ".join(f"{value:.2f}" for value in row) + " |")
        if name == "product":
            score = f1(infer(answers).table.set_index("task").label, truth)
            peer = f1(peers()["DS"](answers), truth)
    say("| **mean** | " + " | ".join(f"{value:.2f}" for value in np.mean(sums, axis=0)) + " |")
    best = float(np.mean([max(row[:4]) for row in sums]))
    say(
        f"\nproduct, F1 of label 1: ours {score:.2f}, crowd-kit DS {peer:.2f}. Best crowd-kit method of each set, "
        "chosen"
    )
    say(f"with hindsight: mean {best:.2f}.\n")


def left_out(folder: Path) -> None:
    """What choosing by the other sets would give on each set, beside the default, which looks at none."""
    say("## Each set left out: the method that is best on the other sets, %\n")
    say("No gold. Had the default been chosen by accuracy on the other sets alone, this is what it would give here.\n")
    names = NAMED
    methods = ("auto", *categorical.METHODS)
    scores: dict[str, dict[str, float]] = {}
    for name in names:
        answers, truth = load(folder, name)
        scores[name] = {
            method: right(infer(answers, kind="categorical", method=method).table.set_index("task").label, truth)
            for method in methods
        }
    say("| set left out | best on the others | gives here | auto | best here, with hindsight |")
    say("| --- | --- | --- | --- | --- |")
    rows = []
    for name in names:
        others = {
            method: float(np.mean([scores[other][method] for other in names if other != name]))
            for method in methods[1:]
        }
        chosen = max(others, key=lambda method: others[method])
        best = max(methods[1:], key=lambda method: scores[name][method])
        rows.append((scores[name][chosen], scores[name]["auto"], scores[name][best]))
        say(f"| {name} | {chosen} | {rows[-1][0]:.2f} | {rows[-1][1]:.2f} | {best} {rows[-1][2]:.2f} |")
    mean = np.mean(rows, axis=0)
    say(f"| **mean** | | {mean[0]:.2f} | {mean[1]:.2f} | {mean[2]:.2f} |\n")


def shaped(seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Answers of a crowd of random shape, and the truth.

    Random are labels, tasks, answers a task, workers, shares of labels, skill, spam, habits, and how people err: any
    other label, a habit, more often on hard tasks, or the same wrong label on hard tasks.
    """
    chance = np.random.default_rng(seed)
    labels, tasks = int(chance.choice([2, 2, 3, 4, 5, 10])), int(chance.choice([150, 300, 800, 2000]))
    redundancy, workers = float(chance.choice([2.5, 4, 6, 10])), int(chance.choice([15, 40, 120, 300]))
    truth = chance.choice(labels, tasks, p=chance.dirichlet(np.full(labels, chance.choice([1.0, 3.0, 20.0]))))
    skill = chance.uniform(0.55, 0.85)
    able = chance.beta(skill * 5, (1 - skill) * 5, workers)
    errs = chance.choice(["any", "habit", "hard", "together"])
    spam = chance.random(workers) < chance.choice([0.0, 0.1, 0.3])
    habit = chance.dirichlet(np.full(labels, 0.7), workers)
    active = chance.dirichlet(np.full(workers, chance.choice([0.3, 1.0, 10.0])))
    hard = chance.beta(0.6, 1.2, tasks) if errs in ("hard", "together") else np.zeros(tasks)
    lure = (truth + chance.integers(1, labels, tasks)) % labels
    rows = []
    for task in range(tasks):
        count = min(int(np.count_nonzero(active)), 1 + int(chance.poisson(redundancy - 1)))
        for worker in chance.choice(workers, count, replace=False, p=active):
            right = able[worker] * (1 - hard[task]) + hard[task] * (0.25 if errs == "together" else 1 / labels)
            if spam[worker]:
                label = chance.choice(labels, p=habit[worker])
            elif chance.random() < right:
                label = truth[task]
            elif errs == "together" and chance.random() < hard[task]:
                label = lure[task]
            elif errs == "habit":
                label = chance.choice(labels, p=habit[worker])
            else:
                label = (truth[task] + chance.integers(1, labels)) % labels
            rows.append((task, int(worker), int(label)))
    answers = pd.DataFrame(rows, columns=["task", "worker", "label"])
    known = pd.Series(truth)[answers.task.unique()]
    return answers, known[known.isin(set(answers.label))].sort_index()


def shapes() -> None:
    """The default beside both plain methods on many synthetic crowds, with and without gold."""
    say(f"## {len(SHAPE_SEEDS)} synthetic crowds of random shape, %\n")
    say("2 to 10 labels, 150 to 2,000 tasks, 2.5 to 10 answers a task, 15 to 300 workers, even or lopsided shares, up")
    say(
        "to a third spammers, independent, habitual and shared mistakes (`shaped` in the benchmark). 60 gold items: all"
    )
    say("tasks that are no gold.\n")
    say(
        "| answers per free parameter | crowds | crowd-kit MV | DS | the better of the two | ours | over 2 under it |"
        " worst | ours, 60 gold | ECE, 60 gold |"
    )
    say("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    rows = []
    for seed in SHAPE_SEEDS:
        answers, truth = shaped(seed)
        methods = peers()
        plain = [right(methods[name](answers), truth) for name in ("MV", "DS")]
        gold = truth.sample(60, random_state=seed)
        left = truth.drop(gold.index)
        table = infer(answers, gold=gold).table.set_index("task").reindex(left.index)
        labels = answers.label.nunique()
        rows.append(
            (
                len(answers) / (answers.worker.nunique() * labels * max(1, labels - 1)),
                *plain,
                max(plain),
                right(labels_of(infer(answers).table), truth),
                right(table.label, left),
                100 * reliability(table.confidence.to_numpy(), (table.label == left).to_numpy()).ece,
            )
        )
    found = np.asarray(rows)
    for name, low, high in (
        ("under 1", 0, 1),
        ("1 to 5", 1, 5),
        ("5 to 50", 5, 50),
        ("50 and more", 50, np.inf),
        ("all", 0, np.inf),
    ):
        own = found[(found[:, 0] >= low) & (found[:, 0] < high)]
        mean, under = own.mean(axis=0), own[:, 4] - own[:, 3]
        say(
            f"| {name} | {len(own)} | {mean[1]:.2f} | {mean[2]:.2f} | {mean[3]:.2f} | {mean[4]:.2f} |"
            f" {int((under < -2).sum())} | {under.min():+.1f} | {mean[5]:.2f} | {mean[6]:.2f} |"
        )
    say()


def cost(folder: Path, seeds: int) -> None:
    from crowdkit.aggregation import DawidSkene

    say("## Answers asked, dog (replay of real answers)\n")
    answers, truth = load(folder, "dog")
    fixed = []
    for seed in range(seeds):
        mixed = answers.sample(frac=1, random_state=seed)
        fixed.append(right(DawidSkene(n_iter=100).fit_predict(mixed[mixed.groupby("task").cumcount() < 5]), truth))
    say(f"crowd-kit DS at 5 answers a task: {np.mean(fixed):.2f} %\n")
    say("Mean, and one standard deviation over the seeds where there is one.\n")
    say(
        "| target | answers a task | right, % | beyond DS at 5 answers, seed by seed (error of the mean) |"
        " settled = batch, points apart | answers/s CPU |"
    )
    say("| --- | --- | --- | --- | --- | --- |")
    asked: list[list[tuple[float, float]]] = [[] for _ in range(seeds)]
    for target in (0.85, 0.88, 0.9, 0.95):
        rows = []
        for seed in range(seeds):
            mixed = answers.sample(frac=1, random_state=seed)
            stored = {
                task: list(zip(own.worker, own.label, strict=True)) for task, own in mixed.groupby("task", sort=False)
            }
            taken = dict.fromkeys(stored, 0)
            started = time.process_time()
            job = Online(labels=sorted(answers.label.unique().tolist()), target=target, max_answers=9)
            live = list(stored)
            log = []
            while live:
                for task in live:
                    worker, label = stored[task][taken[task]]
                    job.add(task, worker, label)
                    log.append((task, worker, label))
                    taken[task] += 1
                live = [task for task in stored if taken[task] < len(stored[task]) and job.needs_more(task)]
            result = job.result()
            spent = time.process_time() - started
            own = pd.Series({task: label for task, (label, _) in result.items()})
            batch = labels_of(infer(pd.DataFrame(log, columns=["task", "worker", "label"])).table)
            rows.append(
                (
                    len(log) / len(stored),
                    right(own, truth),
                    abs(right(own, truth) - right(batch, truth)),
                    len(log) / spent,
                )
            )
            asked[seed].append(rows[-1][:2])
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1)
        beyond = np.asarray(rows)[:, 1] - fixed
        error = np.std(beyond, ddof=1) / np.sqrt(seeds)
        say(
            f"| {target} | {mean[0]:.2f} ({spread[0]:.2f}) | {mean[1]:.2f} ({spread[1]:.2f}) |"
            f" {np.mean(beyond):+.2f} ({error:.2f}) | {mean[2]:.2f} | {mean[3]:,.0f} |"
        )
    reached = answers_for(float(np.mean(fixed)), np.mean(asked, axis=0))
    say(
        f"\n{seeds} seeds; Dawid-Skene at 5 answers has one standard deviation of {np.std(fixed, ddof=1):.2f}. Its mean"
        f" is reached at {reached} answers, in a straight line between targets."
    )
    job = Online(labels=[0, 1, 2, 3], target=0.95, max_answers=9)
    rows_only = list(answers[["task", "worker", "label"]].itertuples(index=False, name=None)) * 1
    started = time.process_time()
    job._next_fit = 10**9  # adding alone, without joint estimation
    for task, worker, label in rows_only:
        job.add(task, worker, label)
    per_second = len(rows_only) / (time.process_time() - started)
    say(f"\nAdding alone, without joint estimation: {per_second:,.0f} answers/s CPU.\n")


def answers_for(level: float, points: Any) -> float | None:
    """Answers a task at which `level` is first reached on the line through (answers, right) points, None outside."""
    for (less, low), (more, high) in itertools.pairwise(points):
        if low <= level <= high:
            return round(float(less + (more - less) * (level - low) / max(high - low, 1e-9)), 2)
    return None


def synthetic(count: int, *, labels: int = 4, redundancy: int = 5, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Answers of workers with Beta(6, 2) skill, one in ten a spammer, about a thousand answers each."""
    chance = np.random.default_rng(seed)
    tasks, workers = count // redundancy, max(50, count // 1_000)
    truth = chance.integers(0, labels, tasks)
    skill = chance.beta(6, 2, workers)
    skill[chance.random(workers) < 0.1] = 1 / labels
    task = np.repeat(np.arange(tasks), redundancy)
    worker = chance.integers(0, workers, len(task))
    told = chance.random(len(task)) < skill[worker]
    label = np.where(told, truth[task], (truth[task] + chance.integers(1, labels, len(task))) % labels)
    order = chance.permutation(len(task))
    return pd.DataFrame({"task": task[order], "worker": worker[order], "label": label[order]}), truth


def tied(frame: pd.DataFrame) -> pd.Index:
    """Tasks in which two labels or more have most votes."""
    votes = frame.groupby(["task", "label"], sort=False).size()
    most = votes.groupby(level=0).transform("max")
    leading = (votes == most).groupby(level=0).sum()
    return leading.index[leading > 1]


def single_runs(peer: Callable[[], Any], ours: Callable[[], Any], runs: int) -> None:
    """Every single run by turns, for "each run of ours against the fastest of theirs"."""
    found = [(forked(peer)[1] if place % 3 == 0 else None, forked(ours)[1]) for place in range(runs)]
    theirs = sorted(one for one, _ in found if one is not None)
    own = sorted(one for _, one in found)
    say(
        f"\nDawid-Skene, 1e6, {runs} single runs of ours by turns with {len(theirs)} of crowd-kit's: ours"
        f" {own[0]:.3f} to {own[-1]:.3f} s (median {np.median(own):.3f}), crowd-kit's {theirs[0]:.2f} to"
        f" {theirs[-1]:.2f} s (median {np.median(theirs):.2f}). Medians {np.median(theirs) / np.median(own):.0f}x;"
        f" against the fastest of crowd-kit's the slowest of ours is {theirs[0] / own[-1]:.0f}x, and"
        f" {sum(theirs[0] / one >= 60 for one in own)} of {runs} are 60x or more."
    )


def speed(repeats: int, quick: bool) -> None:
    from crowdkit.aggregation import DawidSkene, MajorityVote

    say("## Speed: data frame to labels, CPU seconds (synthetic, 4 labels, 5 answers a task)\n")
    say("| answers | what | crowd-kit | ours | ratio | same labels | peak above start, crowd-kit / ours |")
    say("| --- | --- | --- | --- | --- | --- | --- |")
    frame, _ = synthetic(1_000_000)
    frame = frame.drop_duplicates(["task", "worker"])

    def peer_steps() -> pd.Series:
        return DawidSkene(n_iter=10, tol=-np.inf).fit_predict(frame)

    def ours_steps() -> pd.Series:
        return labels_of(infer(frame, method="dawid-skene", steps=10).table)

    infer(frame.head(1_000))
    pairs = {
        "Dawid-Skene, 10 steps": (peer_steps, ours_steps),
        "majority": (
            lambda: MajorityVote().fit_predict(frame),
            lambda: labels_of(infer(frame, method="majority").table),
        ),
        "auto against Dawid-Skene, to convergence": (
            lambda: DawidSkene(n_iter=100).fit_predict(frame),
            lambda: labels_of(infer(frame).table),
        ),
    }
    for what, (peer, ours) in pairs.items():
        done = in_turn({"peer": peer, "ours": ours}, repeats)
        equal = done["peer"][0].sort_index() == done["ours"][0].sort_index()
        same = f"{100 * float(equal.mean()):.3f} %"
        if what == "majority":
            # a vote that is tied has no label; which one is delivered is a matter of rule
            clear = ~equal.index.isin(tied(frame))
            same += f" (of {int(clear.sum()):,} tasks without a tie {100 * float(equal[clear].mean()):.3f} %)"
        say(
            f"| 1e6 | {what} | {done['peer'][1]:.2f} | {done['ours'][1]:.3f} | {done['peer'][1] / done['ours'][1]:.0f}x"
            f" | {same} | {done['peer'][2]:.0f} / {done['ours'][2]:.0f} MiB |"
        )
    engine.has_numba.cache_clear()
    os.environ[engine.ENGINE_VARIABLE] = "numpy"
    done = in_turn({"peer": peer_steps, "ours": ours_steps}, repeats)
    os.environ.pop(engine.ENGINE_VARIABLE)
    engine.has_numba.cache_clear()
    say(
        f"| 1e6 | Dawid-Skene, 10 steps, numpy only | {done['peer'][1]:.2f} | {done['ours'][1]:.3f} |"
        f" {done['peer'][1] / done['ours'][1]:.0f}x | | |"
    )
    if not quick:
        big, truth = synthetic(10_000_000)
        done = in_turn({"ours": lambda: labels_of(infer(big, method="dawid-skene", steps=10).table)}, 1)
        share = 100 * float((done["ours"][0].sort_index().to_numpy() == truth).mean())
        say(
            f"| 1e7 | Dawid-Skene, 10 steps | not run | {done['ours'][1]:.2f} | | {share:.2f} % right |"
            f" - / {done['ours'][2]:.0f} MiB |"
        )
        del big
    single_runs(peer_steps, ours_steps, 6 if quick else 24)
    say()


def attacked(answers: pd.DataFrame, seed: int, mode: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(five honest answers a task, the same with three answers of ten added accounts)."""
    chance = np.random.default_rng(seed)
    honest = answers.sample(frac=1, random_state=seed)
    honest = honest[honest.groupby("task").cumcount() < 5][["task", "worker", "label"]].astype({"worker": str})
    labels = sorted(answers.label.unique())
    rows = []
    for task in honest.task.unique():
        shared = chance.choice(labels)
        rows += [
            (task, f"added{place}", shared if mode == "copies" else chance.choice(labels))
            for place in chance.choice(10, 3, replace=False)
        ]
    return honest, pd.concat([honest, pd.DataFrame(rows, columns=honest.columns)])


def attack(folder: Path, seeds: int) -> None:
    from crowdkit.aggregation import DawidSkene

    say("## Ten added accounts, three answers a task beside five honest ones\n")
    say(
        "| set | attack | ours honest | ours attacked | lost | crowd-kit DS attacked | added flagged of 10 |"
        " honest flagged |"
    )
    say("| --- | --- | --- | --- | --- | --- | --- | --- |")
    made, truth_made = synthetic(20_000)
    made = made.drop_duplicates(["task", "worker"])
    for name, (answers, truth) in {
        "dog": load(folder, "dog"),
        "synthetic": (made, pd.Series(truth_made)),
    }.items():
        for mode in ("copies", "random"):
            rows = []
            for seed in range(seeds):
                honest, both = attacked(answers, seed, mode)
                result = infer(both)
                flagged = {worker for flag in result.report.flags for worker in flag.workers}
                added = {worker for worker in flagged if worker.startswith("added")}
                plain, spoilt = right(labels_of(infer(honest).table), truth), right(labels_of(result.table), truth)
                peer = right(DawidSkene(n_iter=100).fit_predict(both), truth)
                share = 100 * len(flagged - added) / honest.worker.nunique()
                rows.append((plain, spoilt, plain - spoilt, peer, len(added), share))
            mean = np.mean(rows, axis=0)
            say(
                f"| {name} | {mode} | {mean[0]:.2f} | {mean[1]:.2f} | {mean[2]:+.2f} | {mean[3]:.2f} | {mean[4]:.1f} |"
                f" {mean[5]:.1f} % |"
            )
    say()


def other_kinds(folder: Path) -> None:
    from crowdkit.aggregation import ROVER

    say("## Texts, numbers, digits\n")
    answers, truth = load(folder, "speech_short")

    def words(text: str) -> list[str]:
        return re.sub(r"[^\w ]+", " ", str(text).lower().replace("'", "")).split()

    def distance(one: list[str], other: list[str]) -> int:
        row = list(range(len(other) + 1))
        for at, own in enumerate(one, 1):
            corner, row[0] = row[0], at
            for place, word in enumerate(other, 1):
                corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (own != word))
        return row[-1]

    def peer() -> pd.Series:
        plain = answers.assign(text=[" ".join(words(text)) for text in answers.label])
        return ROVER(tokenizer=str.split, detokenizer=" ".join).fit_predict(plain[["task", "worker", "text"]])

    done = in_turn({"crowd-kit ROVER": peer, "ours": lambda: labels_of(infer(answers).table)}, 3)
    say("| speech_short | WER, % | exact, % | answers/s CPU |")
    say("| --- | --- | --- | --- |")
    for name, (labels, spent, _) in done.items():
        pairs = [(words(labels[task]), words(text)) for task, text in truth.items()]
        wrong = sum(distance(one, other) for one, other in pairs) / sum(len(other) for _, other in pairs)
        exact = np.mean([one == other for one, other in pairs])
        say(f"| {name} | {100 * wrong:.2f} | {100 * exact:.2f} | {len(answers) / spent:,.0f} |")
    answers, truth = load(folder, "emotion_numeric")
    noisy = answers.copy()
    random = np.random.default_rng(0)
    hit = random.random(len(noisy)) < 0.2
    noisy["label"] = np.where(hit, random.uniform(-100, 100, len(noisy)), noisy.label)
    say("\n| emotion_numeric, MAE | mean | median | ours |\n| --- | --- | --- | --- |")
    for name, table in {"as it is": answers, "a fifth of the answers random": noisy}.items():
        errors = [
            float((table.groupby("task").label.mean().reindex(truth.index) - truth).abs().mean()),
            float((table.groupby("task").label.median().reindex(truth.index) - truth).abs().mean()),
            float((labels_of(infer(table, kind="numeric").table).reindex(truth.index) - truth).abs().mean()),
        ]
        say(f"| {name} | " + " | ".join(f"{error:.2f}" for error in errors) + " |")
    say("\nDigits: fields of 5 random digits, every worker mistakes each digit with chance 2 %, no machine reader,")
    say(digits())
    say()


def digits(fields: int = 20_000) -> str:
    """Field accuracy and answers a field of `next_step` at its default rule."""
    chance = np.random.default_rng(0)
    rule = TranscriptionRule()
    right_count = answers = 0
    for field in range(fields):
        truth = "".join(map(str, chance.integers(0, 10, 5)))
        given: list[Keyed] = []
        step: Any = AskMore(1, "start")
        while isinstance(step, AskMore):
            for _ in range(step.count):
                typed = "".join(
                    str((int(sign) + int(chance.integers(1, 10))) % 10) if chance.random() < 0.02 else sign
                    for sign in truth
                )
                given.append(Keyed(f"w{len(given)}", typed, active_ms=0, skill_bp=9_000, received_at_ms=field))
            step = next_step([], given, rule, "code")
        answers += len(given)
        right_count += isinstance(step, Accept) and step.value == truth
    share, each = 100 * right_count / fields, answers / fields
    return f"`next_step` at its default rule: {share:.2f} % right at {each:.2f} answers a field."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/crowd-data"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--parts", help="of " + ",".join(PARTS) + "; the first one begins the file")
    chosen = parser.parse_args()
    seeds = 3 if chosen.quick else 5
    parts = chosen.parts.split(",") if chosen.parts else list(PARTS)
    if parts[0] == PARTS[0]:
        head(chosen.quick)
    engine.warm()
    works: dict[str, Callable[[], None]] = {
        "accuracy": lambda: accuracy(chosen.data, 5 if chosen.quick else 20),
        "left-out": lambda: left_out(chosen.data),
        "shapes": shapes,
        "cost": lambda: cost(chosen.data, seeds if chosen.quick else 20),
        "speed": lambda: speed(1 if chosen.quick else 3, chosen.quick),
        "attack": lambda: attack(chosen.data, seeds),
        "kinds": lambda: other_kinds(chosen.data),
    }
    for part in parts:
        works[part]()
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        before = "" if parts[0] == PARTS[0] else chosen.out.read_text().rstrip() + "\n\n"
        chosen.out.write_text(before + "\n".join(LINES).rstrip() + "\n")
    return 0


def head(quick: bool) -> None:
    say("# Quality: manyhands beside crowd-kit 1.4.2\n")
    say("Command: `uv run --extra fast --with crowd-kit==1.4.2 --with 'scikit-learn<1.7' --with pandas python")
    way = " --quick" if quick else ""
    say(f"benchmarks/quality.py --data ../shared/crowd-data{way} --out docs/benchmarks/quality.md`\n")
    say(
        f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start: CPU seconds "
        "and ratios of"
    )
    say("one run are to be trusted, wall time is not. Sets are described in their own README files.\n")


if __name__ == "__main__":
    sys.exit(main())
