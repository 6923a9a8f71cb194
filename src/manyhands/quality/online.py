"""Rolling aggregation: add answers as they come, ask for more only where it helps.

Rules kept here
- Everything is estimated together again after every tenth more answers; between, a new answer moves its own task only.
- Tasks re-open: a task that looked settled may ask again when its workers turn out worse than thought.
- `result` is the batch result over the same answers, byte for byte.
- With gold the target is held by calibrated confidence. Without gold it is held by the model's own posterior, which is
  too sure of itself: it asks in the right order, but the target itself is then out of proof, and the result says so.
- Nothing is asked past `max_answers`; what is unsettled there is delivered with its low confidence, or as unreadable.

>>> job = Online(labels=["yes", "no"], target=0.95, max_answers=5)
>>> job.add("t1", "w1", "yes"); job.needs_more("t1")
True
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from manyhands.quality import categorical, engine
from manyhands.quality.calibration import Scale
from manyhands.quality.categorical import TOLERANCE, Fit, Task
from manyhands.quality.errors import BadLabels, BadRule
from manyhands.quality.inference import Report, _calibrate, judge
from manyhands.quality.table import Answers, Floats, arrange, gold_pairs, is_missing, objects, read_prior

GROWTH: Final = 0.10
#: between, skills need not be known better than this
REFIT_TOLERANCE: Final = 1e-4
#: answers to every task before confidence alone may settle it
FIRST_ANSWERS: Final = 2
#: with fewer tasks than this and no gold, two equal answers settle a task and skill is not learnt
TASKS_LEAST: Final = 50
#: right answers of ten expected of somebody nobody knows
NEWCOMER_SKILL: Final = 0.8


class Online:
    """Answers of one job as they come.

    labels        all labels that may be given
    target        share of right verdicts wanted among those delivered, 0..1
    max_answers   most answers to one task
    price         cost of one answer as a share of the cost of one error; one more is asked only while the expected
                  fall of error is worth it. 0 = always worth it
    gold, prior   as in `aggregate`
    """

    def __init__(
        self,
        labels: Sequence[Any],
        target: float = 0.95,
        max_answers: int = 9,
        *,
        price: float = 0.0,
        gold: Mapping[Any, Any] | None = None,
        prior: Mapping[Any, tuple[float, float]] | None = None,
    ) -> None:
        if not 0.0 < target <= 1.0:
            raise BadRule("target", value=target, allowed="above 0, at most 1")
        if max_answers < 1:
            raise BadRule("max_answers", value=max_answers, allowed="1 or more")
        labels = list(labels)
        if len(set(labels)) != len(labels) or not labels or any(map(is_missing, labels)):
            raise BadRule("labels", value=labels, allowed="at least one label, each once, none of them missing")
        engine.warm()
        self.labels, self.target, self.max_answers, self.price = labels, target, max_answers, price
        self._gold, self._prior = dict(gold_pairs(gold)), read_prior(prior) or {}
        self._label_code = {label: code for code, label in enumerate(self.labels)}
        for row, (task, label) in enumerate(self._gold.items()):
            if label not in self._label_code:
                raise BadLabels(f"gold of {task!r} is {label!r}, none of {labels!r}", row=row, column="gold")
        self._task_code: dict[Any, int] = {}
        self._worker_code: dict[Any, int] = {}
        self._rows = (array("i"), array("i"), array("i"))
        self._seen: set[int] = set()
        self._scores: list[list[float]] = []
        self._count: list[int] = []
        self._logs: list[list[list[float]]] = []
        self._newcomer = self._start_logs()
        self._share = [-float(np.log(len(self.labels)))] * len(self.labels)
        self._scale = Scale(1.0)
        self._next_fit = 64
        self._fitted = 0

    def add(self, task: Any, worker: Any, label: Any) -> None:
        """Take one answer. A worker's repeat on a task is ignored.

        raises  BadLabels for a label that was not announced, or a task or worker without a value
        """
        given = self._label_code.get(label)
        if given is None:
            raise BadLabels(f"{label!r} is none of {self.labels!r}", row=len(self._rows[0]), column="label")
        place, who = self._task_code.get(task), self._worker_code.get(worker)
        if (place is None and is_missing(task)) or (who is None and is_missing(worker)):
            raise BadLabels("no value", row=len(self._rows[0]), column="task" if is_missing(task) else "worker")
        if place is None:
            place = self._task_code[task] = len(self._task_code)
            self._scores.append(list(self._share))
            self._count.append(0)
        if who is None:
            who = self._worker_code[worker] = len(self._worker_code)
            self._logs.append(self._newcomer)
        pair = place << 32 | who
        if pair in self._seen:
            return
        self._seen.add(pair)
        for column, code in zip(self._rows, (place, who, given), strict=True):
            column.append(code)
        self._count[place] += 1
        scores, logs = self._scores[place], self._logs[who][given]
        for truth in range(len(scores)):
            scores[truth] += logs[truth]
        if len(self._rows[0]) >= self._next_fit:
            self._refit()

    def needs_more(self, task: Any) -> bool:
        """True while one more answer is wanted for this task."""
        place = self._task_code.get(task)
        if place is None:
            return True
        count = self._count[place]
        if count >= self.max_answers or task in self._gold:
            return False
        if count < min(FIRST_ANSWERS, self.max_answers):
            return True
        # everybody's skill is taken again before a round of questions, when a round has passed
        if len(self._rows[0]) > self._fitted and len(self._rows[0]) - self._fitted >= GROWTH * max(self._fitted, 64):
            self._refit()
        sure = self.confidence(task)
        if sure >= self.target:
            return False
        return self.price <= 0.0 or self.worth(task) > self.price

    def confidence(self, task: Any) -> float:
        """Confidence in the present best label, 0..1; calibrated only with gold.

        raises  BadLabels for a task that has no answers
        """
        if task not in self._task_code:
            raise BadLabels(f"{task!r} has no answers yet", column="task")
        scores = self._scores[self._task_code[task]]
        top = max(scores)
        others = sum(math.exp(score - top) for score in scores) - 1.0
        if self._scale.knots is not None:
            return float(self._scale.apply(np.asarray([1.0 / (1.0 + others)]))[0])
        odds = -math.log(max(others, 1e-12)) / self._scale.temperature + self._scale.shift
        return 1.0 / (1.0 + math.exp(-min(max(odds, -40.0), 40.0)))

    def worth(self, task: Any) -> float:
        """Expected fall of the error by one more answer of a usual worker, 0..1."""
        scores = np.asarray(self._scores[self._task_code[task]])
        posterior = np.exp(scores - scores.max())
        posterior /= posterior.sum()
        return expected_fall(posterior, np.exp(np.asarray(self._newcomer)))

    def result(self) -> dict[Any, tuple[Any, float]]:
        """task -> (label, confidence) over all answers so far, as `aggregate` gives it."""
        if not self._rows[0]:
            return {}
        verdicts, _ = self._judge()
        return {
            task: (label, float(sure))
            for task, label, sure in zip(
                verdicts.task.tolist(), verdicts.label.tolist(), verdicts.confidence, strict=True
            )
        }

    def report(self) -> Report:
        """How the result came about."""
        if not self._rows[0]:
            raise BadLabels("there are no answers")
        report: Report = self._judge()[1]
        return report

    def answers(self) -> Answers:
        """All answers so far, coded, in order of (task, worker)."""
        tasks, workers, labels = (np.array(column, np.int32) for column in self._rows)
        return arrange(
            _resorted(tasks, list(self._task_code)),
            _resorted(workers, list(self._worker_code)),
            _resorted(labels, self.labels),
        )

    def _judge(self) -> Any:
        return judge(self._task(self.answers()))

    def _task(self, answers: Answers, *, tolerance: float = TOLERANCE) -> Task:
        places = {task: code for code, task in enumerate(answers.tasks.tolist())}
        labels = {label: code for code, label in enumerate(answers.labels.tolist())}
        known = sorted((places[task], labels[label]) for task, label in self._gold.items() if task in places)
        prior = None
        if self._prior:
            prior = np.asarray([self._prior.get(worker, (0.0, 0.0)) for worker in answers.workers.tolist()], np.float64)
        return Task(
            answers,
            np.asarray([task for task, _ in known], np.int64),
            np.asarray([label for _, label in known], np.int32),
            prior,
            tolerance=tolerance,
        )

    def _refit(self) -> None:
        """Estimate all workers and tasks together and start every task's scores from there."""
        self._fitted = len(self._rows[0])
        self._next_fit = max(64, int(self._fitted * (1.0 + GROWTH)) + 1)
        if len(self.labels) < 2 or (len(self._task_code) < TASKS_LEAST and not self._gold):
            return
        answers = self.answers()
        task = self._task(answers, tolerance=REFIT_TOLERANCE)
        # one model with one matrix per worker, so that an answer in between moves its task by that matrix
        fit = categorical.hierarchical(task)
        self._scale = _calibrate(task, fit)[0] if len(task.gold_tasks) else Scale(1.0)
        logs, share, posterior = self._in_own_order(answers, fit)
        names = {worker: code for code, worker in enumerate(answers.workers.tolist())}
        tables = logs.tolist()
        self._logs = [tables[names[worker]] for worker in self._worker_code]
        self._newcomer = logs.mean(axis=0).tolist()
        self._share = share.tolist()
        tasks = {name: code for code, name in enumerate(answers.tasks.tolist())}
        scores = posterior.tolist()
        self._scores = [scores[tasks[name]] for name in self._task_code]

    def _in_own_order(self, answers: Answers, fit: Fit) -> tuple[Floats, Floats, Floats]:
        """(log chance per worker, given, true), (log share), (log posterior) with the labels as announced.

        A label that nobody has given yet is as likely to be true or given as one answer among all says.
        """
        assert fit.chance is not None and fit.share is not None
        own = [self._label_code[label] for label in answers.labels.tolist()]
        labels, workers = len(self.labels), answers.worker_count
        tiny = 1.0 / (answers.count + labels)
        chance = np.full((workers, labels, labels), tiny)
        chance[np.ix_(range(workers), own, own)] = np.maximum(fit.chance, 1e-10)
        for label in set(range(labels)) - set(own):
            chance[:, label, label] = NEWCOMER_SKILL
        share, posterior = np.full(labels, tiny), np.full((answers.task_count, labels), 1e-300)
        share[own] = np.maximum(fit.share, 1e-10)
        posterior[:, own] = np.maximum(fit.posterior, 1e-300)
        return np.log(chance).transpose(0, 2, 1), np.log(share), np.log(posterior)

    def _start_logs(self) -> list[list[float]]:
        """Log chance of each given label by true label, for somebody of NEWCOMER_SKILL."""
        count = len(self.labels)
        right, wrong = np.log(NEWCOMER_SKILL), np.log((1.0 - NEWCOMER_SKILL) / max(1, count - 1))
        return [[float(right if given == truth else wrong) for truth in range(count)] for given in range(count)]


def expected_fall(posterior: Floats, chance: Floats) -> float:
    """Expected fall of the chance of error by one more answer.

    posterior  of the task, shape (labels,)
    chance     P(given | truth) of the next worker, shape (given, truth)
    """
    after = chance * posterior[None, :]
    return max(0.0, float(after.max(axis=1).sum() - posterior.max()))


def _resorted(codes: Any, names: list[Any]) -> tuple[Any, Any]:
    try:
        order = sorted(range(len(names)), key=lambda place: names[place])
    except TypeError:
        order = sorted(range(len(names)), key=lambda place: (type(names[place]).__name__, repr(names[place])))
    place = np.empty(len(names), np.int32)
    place[np.asarray(order, np.int64)] = np.arange(len(names), dtype=np.int32)
    return place[codes], objects([names[at] for at in order])
