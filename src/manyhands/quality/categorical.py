"""Named labels: from answers to a posterior per task, by the methods of the field.

Rules kept here
- Every method starts from the votes, is deterministic, and gives a probability per task and label.
- Gold is known truth in every step; a reputation is added to every M step, capped by whoever hands it in.
- Nothing learnt from one data set is built in: strengths of priors follow from counts (see `hierarchical`).

Notation: pi[w, k, l] is the chance that worker w answers l when the truth is k; q[t, k] the posterior of task t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from manyhands.quality import engine
from manyhands.quality.calibration import GOLD_LEAST, USUAL_TEMPERATURE, fit_temperature, tempered
from manyhands.quality.errors import UnknownMethod
from manyhands.quality.special import digamma, log_gamma
from manyhands.quality.table import Answers, Codes, Floats

STEPS_MOST: Final = 100
#: stop when the mean log likelihood of an answer grows by less (crowd-kit stops alike)
TOLERANCE: Final = 1e-5
CHANCE_LEAST: Final = 1e-10
#: pseudo-answers of a row: most of the crowd's and of ignorance, and most of the worker's own skill
CROWD_MOST: Final = 3.0
COIN_MOST: Final = 30.0
#: what a worker's skill, and a row of a worker's matrix, may weigh in answers when that is learnt; before anything is
#: known about eight, give or take a factor of four to eight
STRENGTHS: Final = tuple(2.0**power for power in range(-1, 10))
STRENGTH_USUAL: Final = 8.0
SKILL_SPREAD: Final = 1.5
ROW_SPREAD: Final = 2.0
#: from so many answers per free parameter on every worker speaks for himself
MANY_ANSWERS: Final = 50.0
#: from so many of them that are no chance on, one model of matrices is enough (`choose` in `inference`)
TELLING_ANSWERS: Final = 10.0
#: answers up to which the models that have no compiled loops are asked too
SLOW_MOST: Final = 200_000
#: numbers that the matrices of all workers may hold together (a quarter of a GiB), and the posteriors of all tasks
MATRIX_CELLS_MOST: Final = 1 << 25
POSTERIOR_CELLS_MOST: Final = 1 << 27
#: weights of an inferred task beside a known one: from "as good as known" to "hardly known", in even steps of a third
UNKNOWN_WEIGHTS: Final = (1.0, 0.3, 0.1, 0.03)


@dataclass(frozen=True)
class Task:
    """What a method is given: the answers, known truth, what is known of the workers, and when to stop.

    steps: exactly so many EM steps; None = until the mean log likelihood of an answer grows by less than `tolerance`
    """

    answers: Answers
    gold_tasks: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    gold_labels: Codes = field(default_factory=lambda: np.empty(0, np.int32))
    #: pseudo-counts (right, wrong) per worker, shape (workers, 2), None = nothing known
    prior: Floats | None = None
    seed: int = 0
    steps: int | None = None
    tolerance: float = TOLERANCE

    @property
    def shape(self) -> tuple[int, int, int]:
        """(tasks, workers, labels)."""
        return self.answers.task_count, self.answers.worker_count, self.answers.label_count


@dataclass(frozen=True)
class Fit:
    """posterior (tasks, labels); chance (workers, true, given) where the method has one; skill per worker; steps done.

    apart   with gold: posterior of every task as the evidence of all other tasks has it. The matrices that judge a task
            have learnt from it, which makes the plain posterior surer of itself than of anything new; here each task's
            own share of the counts, known or inferred, is taken out, so that gold tasks and others are on one footing
    tempered  the posterior was made as sure as gold shows already
    usual   how far too sure such posteriors usually are (`calibration.USUAL_TEMPERATURE` for one model)
    """

    posterior: Floats
    skill: Floats
    chance: Floats | None = None
    share: Floats | None = None
    steps: int = 1
    apart: Floats | None = None
    tempered: bool = False
    usual: float = USUAL_TEMPERATURE

    def blind(self, task: Task) -> Floats | None:
        """Posterior of each gold task as if it had not been known; None without gold or where a method has none."""
        return None if self.apart is None or not len(task.gold_tasks) else self.apart[task.gold_tasks]


def majority(task: Task) -> Fit:
    """Share of votes per label."""
    posterior = _vote_shares(task)
    return _with_gold(task, posterior, _agreement(task, posterior))


def weighted_majority(task: Task) -> Fit:
    """Votes weighted by each worker's agreement with the majority (Wawa: worker agreement with aggregate).

    source  Appen's "Worker Agreement With Aggregate"; as in crowd-kit, one round. Where labels are tied, crowd-kit
            takes one; here an answer agrees by the tied labels' share: what labels are called changes nothing
    """
    votes = engine.vote_counts(task.answers)
    votes[task.gold_tasks] = 0.0
    votes[task.gold_tasks, task.gold_labels] = 1.0
    skill = _agreement(task, votes)
    if task.prior is not None:
        count = np.bincount(task.answers.worker, minlength=len(skill))
        skill = (skill * count + task.prior[:, 0]) / np.maximum(count + task.prior.sum(axis=1), 1e-12)
    weighted = engine.vote_counts(task.answers, skill)
    posterior = weighted / np.maximum(weighted.sum(axis=1, keepdims=True), 1e-12)
    return _with_gold(task, posterior, skill)


def dawid_skene(task: Task) -> Fit:
    """A confusion matrix per worker, by maximum likelihood.

    source  Dawid and Skene (1979), "Maximum likelihood estimation of observer error-rates using the EM algorithm"
    """
    return _matrix_em(task, np.zeros((1, task.shape[2], task.shape[2])))


def hierarchical(task: Task, *, unknown_weight: float = 1.0) -> Fit:
    """Dawid-Skene with pseudo-counts that fade as evidence grows; the default without gold for many answers.

    Each row of a worker's matrix starts from answers as the crowd gives them, as ignorance would, and by the worker's
    own one-coin skill, g of each. The crowd's matrix is taken from the votes and then kept, which pins the meaning of
    the labels; taken again in every step it lets labels drift into each other on sparse data.
    g = 5 / (answers per free parameter), at most 3 for crowd and ignorance and 30 for the own skill, and 0 from 50
    answers per parameter on. Many answers: each worker speaks for himself (maximum likelihood). Few: workers are like
    the crowd. Fewer than there are parameters: no matrix can be told from the data, one skill per worker can.

    unknown_weight  how much an inferred task counts beside a known one in what is learnt of workers (see `pooled`)
    """
    labels = task.shape[2]
    per_parameter = answers_per_parameter(task)
    gain = 0.0 if per_parameter >= MANY_ANSWERS else 5.0 / per_parameter
    shared = min(CROWD_MOST, gain)
    start = _start(task)
    counts = start.counts.sum(axis=0) + 1.0 / labels
    crowd = counts / counts.sum(axis=1, keepdims=True)
    added = (shared * crowd + shared / labels + 0.01)[None]
    return _matrix_em(task, added, coin=min(COIN_MOST, gain), unknown_weight=unknown_weight, start=start)


def matrices_fit(answers: Answers) -> bool:
    """Whether a matrix of labels x labels per worker can be held; with thousands of labels none could be learnt."""
    return answers.worker_count * answers.label_count**2 <= MATRIX_CELLS_MOST


def answers_per_parameter(task: Task) -> float:
    """Answers per free parameter of the workers' matrices."""
    _, workers, labels = task.shape
    return task.answers.count / max(1, workers * labels * (labels - 1))


def agreement_kappa(task: Task) -> float:
    """Agreement of two answers to one task beyond what the shares of the labels explain: 1 always, 0 as by chance.

    source  Fleiss (1971), "Measuring nominal scale agreement among many raters", over all pairs of answers together
    """
    votes = engine.vote_counts(task.answers)
    count = np.diff(task.answers.start).astype(np.float64)
    pairs = float((count * (count - 1.0)).sum())
    equal = float((votes * (votes - 1.0)).sum())
    shares = votes.sum(axis=0) / max(float(votes.sum()), 1.0)
    by_chance = float((shares**2).sum())
    if not pairs or by_chance >= 1.0:
        return 0.0
    return (equal / pairs - by_chance) / (1.0 - by_chance)


def empirical_bayes(task: Task) -> Fit:
    """Dawid-Skene whose shrinkage is learnt: how alike workers are, and how far a matrix says more than a skill.

    A worker's skill is shrunk to the crowd's, a row of the worker's matrix to that skill with the mistakes of the crowd
    (taken from the votes and then kept, as in `hierarchical`). What either weighs is the strength that explains the
    expected counts best (beta-binomial, Dirichlet-multinomial), learnt again at steps 1, 2, 4, 8 ... and at the end.

    source  Robbins (1956) on empirical Bayes; Minka (2000), "Estimating a Dirichlet distribution"; here by a grid of
            powers of two with a wide normal prior on the logarithm
    """
    _, workers, labels = task.shape
    answers = task.answers
    passes, posterior, counts, summed = _start(task)
    usual = counts.sum(axis=0) + 1.0 / labels
    usual = usual / usual.sum(axis=1, keepdims=True)
    eye = np.eye(labels, dtype=bool)
    wrong = np.where(eye, 0.0, usual)
    wrong = wrong + np.where(eye, 0.0, 0.5 * wrong.sum(axis=1, keepdims=True) / max(1, labels - 1))
    wrong = wrong / np.maximum(wrong.sum(axis=1, keepdims=True), CHANCE_LEAST)
    ease = _log_odds(np.clip(np.diag(usual), 0.02, 0.98))
    ease = ease - ease.mean()
    extra = np.zeros((1, labels, labels)) if task.prior is None else _reputation(task.prior, labels)
    before, learnt, relearn = -np.inf, (STRENGTH_USUAL, STRENGTH_USUAL), True
    chance, added, log_share = counts, counts, np.zeros(labels)
    step = 0
    for step in range(1, _steps(task) + 1):
        judged = counts + extra
        seen, right = judged.sum(axis=(1, 2)), np.einsum("wkk->w", judged)
        crowd = float(np.clip(right.sum() / max(float(seen.sum()), CHANCE_LEAST), 1.0 / labels, 0.999))
        relearn = relearn or step & (step - 1) == 0
        skill_weight = _skill_strength(right, seen, crowd) if relearn else learnt[0]
        skill = (right + skill_weight * crowd) / (seen + skill_weight)
        diagonal = _sigmoid(_log_odds(skill)[:, None] + ease[None, :])[:, :, None]
        base = np.maximum(np.where(eye[None], diagonal, (1.0 - diagonal) * wrong[None]), 1e-4)
        row_weight = _row_strength(judged, base) if relearn else learnt[1]
        settled, learnt = learnt == (skill_weight, row_weight), (skill_weight, row_weight)
        added = row_weight * base + extra + 0.01
        total = counts + added
        chance = np.maximum(total / total.sum(axis=2, keepdims=True), CHANCE_LEAST)
        log_share = np.log((summed + 1.0) / (summed.sum() + labels))
        table = np.ascontiguousarray(chance.transpose(0, 2, 1)).reshape(workers * labels, labels)
        flat, likelihood, summed = passes.expect(table, log_share, posterior)
        counts = _by_worker(flat)
        if len(task.gold_tasks):
            counts, summed = _clamp_counts(task, posterior, counts), posterior.sum(axis=0)
        counts, summed = engine.grained(counts), engine.grained(summed)
        if task.steps is None and abs(likelihood - before) < task.tolerance * max(answers.count, 1):
            if relearn and settled:
                break
            relearn = True
        else:
            relearn = False
        before = likelihood
    apart = None
    if len(task.gold_tasks):
        whole = np.ones(len(posterior))
        apart = _apart(task, posterior, whole, counts, summed, added, 0.0, crowd, False)
    shown = chance / chance.sum(axis=2, keepdims=True)
    return Fit(posterior, skill, shown, np.exp(log_share), step, apart)


def _skill_strength(right: Floats, seen: Floats, crowd: float) -> float:
    """The strength of a Beta prior with mean `crowd` that explains right answers of those seen best."""

    def evidence(strength: float) -> float:
        good, bad = np.array([strength * crowd]), np.array([strength * (1.0 - crowd)])
        value = log_gamma(right + good) + log_gamma(seen - right + bad) - log_gamma(seen + strength)
        none = log_gamma(good) + log_gamma(bad) - log_gamma(good + bad)
        return float((value - none).sum()) - 0.5 * (math.log(strength / STRENGTH_USUAL) / SKILL_SPREAD) ** 2

    return max(STRENGTHS, key=evidence)


def _row_strength(counts: Floats, base: Floats) -> float:
    """The strength of a Dirichlet prior with mean `base` that explains the rows of the counts best."""
    given = counts > 1e-6
    cells, means, rows = counts[given], base[given], counts.sum(axis=2)
    rows = rows[rows > 1e-6]

    def evidence(strength: float) -> float:
        mine = strength * means
        value = float((log_gamma(cells + mine) - log_gamma(mine)).sum())
        value -= float((log_gamma(rows + strength) - log_gamma(np.array([strength]))).sum())
        return value - 0.5 * (math.log(strength / STRENGTH_USUAL) / ROW_SPREAD) ** 2

    return max(STRENGTHS, key=evidence)


def averaged(task: Task) -> Fit:
    """The default without gold while matrices cannot be told from the data alone: the mean of four models' posteriors.

    They differ in what a person is taken to be: a matrix with set shrinkage (`hierarchical`), one whose shrinkage is
    learnt (`empirical_bayes`), one ability before tasks of different ease (`glad`), an honest answer or a habit
    (`mace`). Without known truth nothing tells which is right: each may follow its own mistakes to an end that the
    answers do not speak against, such as one label for all tasks. They seldom err towards the same label. Above 200,000
    answers it is the first two, which are ten times as fast; such ends are those of small sets.

    source  Hoeting, Madigan, Raftery and Volinsky (1999), "Bayesian model averaging", with even weights
    """
    members = [hierarchical(task), empirical_bayes(task)]
    if task.answers.count <= SLOW_MOST:
        # in an average the fourth digit of one member says nothing: thirty steps are enough
        members += [method(replace(task, steps=min(_steps(task), 30))) for method in (glad, mace)]
    first = members[0]
    posterior = np.mean([member.posterior for member in members], axis=0)
    blind = [member.apart for member in members if member.apart is not None]
    apart = np.mean(blind, axis=0) if blind else None
    steps = max(member.steps for member in members)
    # an average holds the doubt between its models, which is half of what makes one of them too sure (in logarithms)
    usual = math.sqrt(USUAL_TEMPERATURE)
    return Fit(posterior, first.skill, first.chance, first.share, steps, apart, usual=usual)


def pooled(task: Task) -> Fit:
    """The default with gold: five models, each made as sure of itself as gold shows, then averaged in logarithms.

    A model of workers is wrong in ways the unlabelled tasks cannot show (mistakes are shared, tasks differ), and the
    more inferred tasks it learns from, the more it fits its own mistakes. So the hierarchical model is fitted with an
    inferred task counting as much as a known one, a third, a tenth and a thirtieth of it, and one-coin beside them.
    The weights in the average are even: a few dozen gold items tell a bad model from a good one, not the best of good
    ones. A bad model's temperature is high, which leaves it little to say.

    With fewer than 10 gold items it is `hierarchical`.

    source  Nigam, McCallum, Thrun and Mitchell (2000), "Text classification from labeled and unlabeled documents using
            EM", section 5.3.1 (EM-lambda); Genest and Zidek (1986) on logarithmic pools; Smith and Wallis (2009), "A
            simple explanation of the forecast combination puzzle", on even weights
    """
    if len(task.gold_tasks) < GOLD_LEAST:
        return hierarchical(task)
    members = [hierarchical(task, unknown_weight=weight) for weight in UNKNOWN_WEIGHTS]
    first = members[0]
    scores, apart = np.zeros_like(first.posterior), np.zeros_like(first.posterior)
    for member in (*members, one_coin(task)):
        blind = member.blind(task)
        assert blind is not None and member.apart is not None
        temperature = fit_temperature(blind, task.gold_labels)
        scores += tempered(member.posterior, temperature)
        apart += tempered(member.apart, temperature)
    share = 1.0 / (len(members) + 1)
    posterior = _softmax(share * scores)
    _clamp(task, posterior)
    steps = max(member.steps for member in members)
    return Fit(posterior, first.skill, first.chance, first.share, steps, _softmax(share * apart), tempered=True)


def one_coin(task: Task) -> Fit:
    """One skill per worker; a mistaken worker gives each other label alike. Beta(1, 1) on every skill.

    source  "one-coin" Dawid-Skene: Zhang, Chen, Zhou and Jordan (2014), section 3; crowd-kit OneCoinDawidSkene
    """
    _, workers, labels = task.shape
    answers = task.answers
    count = np.bincount(answers.worker, minlength=workers).astype(np.float64)
    right_prior, all_prior = _coin_prior(task)
    posterior = majority(task).posterior
    skill: Floats = np.zeros(workers)
    share = np.full(labels, 1.0 / labels)
    step = 0
    for step in range(1, _steps(task) + 1):  # noqa: B007  # the last one is reported
        right = engine.grained(np.bincount(answers.worker, posterior[answers.task, answers.label], workers))
        skill = np.clip((right + 1.0 + right_prior) / (count + 2.0 + all_prior), 1e-6, 1 - 1e-6)
        share = (engine.grained(posterior.sum(axis=0)) + 1e-9) / (len(posterior) + labels * 1e-9)
        scores = engine.vote_counts(answers, np.log(skill * max(labels - 1, 1) / (1.0 - skill))) + np.log(share)
        before, posterior = posterior, _softmax(scores)
        _clamp(task, posterior)
        if float(np.abs(posterior - before).max(initial=0.0)) < TOLERANCE:
            break
    chance = None
    if matrices_fit(answers):
        wrong = (1.0 - skill)[:, None, None] / max(labels - 1, 1)
        chance = np.where(np.eye(labels, dtype=bool), skill[:, None, None], wrong)
    apart = None
    if len(task.gold_tasks):
        # each answer weighed by the worker's skill on the other tasks
        others = right[answers.worker] - posterior[answers.task, answers.label] + 1.0 + right_prior[answers.worker]
        other = np.clip(others / (count[answers.worker] + 1.0 + all_prior[answers.worker]), 1e-6, 1 - 1e-6)
        cells = answers.task.astype(np.int64) * labels + answers.label
        logs = np.log(other * max(labels - 1, 1) / (1.0 - other))
        apart = _softmax(np.bincount(cells, logs, posterior.size).reshape(posterior.shape) + np.log(share))
    return Fit(posterior, skill, chance, share, step, apart)


def ibcc(task: Task) -> Fit:
    """Independent Bayesian classifier combination, by variational Bayes.

    source  Kim and Ghahramani (2012), "Bayesian classifier combination"; prior 2 on the diagonal, 1 elsewhere
    """
    labels = task.shape[2]
    return _matrix_em(task, (np.ones((labels, labels)) + np.eye(labels))[None], variational=True)


def glad(task: Task) -> Fit:
    """One ability per worker, one ease per task: P(right) = sigmoid(ability * ease), by EM with damped Newton steps.

    source  Whitehill et al. (2009), "Whose vote should count more"; here log ease has a normal prior, and ability
            one of mean 1, which keeps two scales from running away together
    """
    tasks, workers, labels = task.shape
    answers = task.answers
    ability: Floats = np.ones(workers)
    log_ease: Floats = np.zeros(tasks)
    posterior = majority(task).posterior
    share = np.full(labels, 1.0 / labels)
    right_prior, all_prior = _coin_prior(task)
    step = 0
    for step in range(1, min(_steps(task), 50) + 1):  # noqa: B007  # the last one is reported
        hit = posterior[answers.task, answers.label]
        for _ in range(3):
            ease = np.exp(log_ease)
            known = right_prior - all_prior * _sigmoid(ability)
            eased = ease[answers.task]
            sure = _sigmoid(ability[answers.worker] * eased)
            slope, bend = hit - sure, sure * (1.0 - sure)
            up = np.bincount(answers.worker, slope * eased, workers) + known - (ability - 1.0)
            down: Floats = np.bincount(answers.worker, bend * eased**2, workers) + 0.25 * all_prior + 1.0
            ability = engine.grained(ability + np.clip(up / down, -1.0, 1.0))
            strength = ability[answers.worker] * eased
            sure = _sigmoid(strength)
            slope, bend = hit - sure, sure * (1.0 - sure)
            up = np.bincount(answers.task, slope * strength, tasks) - log_ease
            down = np.bincount(answers.task, bend * strength**2, tasks) + 1.0
            log_ease = engine.grained(np.clip(log_ease + np.clip(up / down, -0.5, 0.5), -3.0, 3.0))
        share = (engine.grained(posterior.sum(axis=0)) + 1.0) / (tasks + labels)
        strength = ability[answers.worker] * np.exp(log_ease)[answers.task]
        # log P(answer | truth = answer) - log P(answer | another truth)
        weight = strength + np.log(max(labels - 1, 1))
        cells = answers.task.astype(np.int64) * labels + answers.label
        scores = np.bincount(cells, weight, tasks * labels).reshape(tasks, labels) + np.log(share)
        before, posterior = posterior, _softmax(scores)
        _clamp(task, posterior)
        if float(np.abs(posterior - before).max(initial=0.0)) < 1e-4:
            break
    apart = None
    if len(task.gold_tasks):
        # of a known task neither truth nor ease is known beforehand
        rows, places = _answers_of(answers, task.gold_tasks)
        fresh = np.zeros((len(task.gold_tasks), labels)) + np.log(share)
        np.add.at(fresh, (places, answers.label[rows]), ability[answers.worker[rows]] + np.log(max(labels - 1, 1)))
        apart = posterior.copy()
        apart[task.gold_tasks] = _softmax(fresh)
    return Fit(posterior, _sigmoid(ability), steps=step, share=share, apart=apart)


def mace(task: Task) -> Fit:
    """Each answer is either true or, with the worker's chance of spamming, drawn from the worker's own habit.

    source  Hovy et al. (2013), "Learning whom to trust with MACE", the variational variant (Beta 0.5, Dirichlet 10);
            started from the votes in place of random restarts
    """
    tasks, workers, labels = task.shape
    answers = task.answers
    own = answers.worker.astype(np.int64) * labels + answers.label
    cells = answers.task.astype(np.int64) * labels + answers.label
    posterior = majority(task).posterior
    right_prior, all_prior = _coin_prior(task)
    habit = np.full((workers, labels), 1.0 / labels)
    honest = np.full(workers, 0.5)
    gave = np.bincount(own, minlength=workers * labels).reshape(workers, labels).astype(np.float64)
    step = 0
    for step in range(1, _steps(task) + 1):  # noqa: B007  # the last one is reported
        # chance that such an answer of a worker, if it is right, was given in truth: a table, one sum over answers
        truthful = honest[:, None]
        in_truth = truthful / (truthful + (1.0 - truthful) * habit)
        hits = np.bincount(own, posterior.ravel()[cells], workers * labels).reshape(workers, labels)
        in_truth = engine.grained(hits * in_truth)
        lied = gave - in_truth
        kept, spam = in_truth.sum(axis=1) + right_prior, lied.sum(axis=1) + all_prior - right_prior
        total = digamma(kept + spam + 1.0)
        good, bad = np.exp(digamma(kept + 0.5) - total), np.exp(digamma(spam + 0.5) - total)
        habits = lied + 10.0
        chance_of_habit = np.exp(digamma(habits) - digamma(habits.sum(axis=1, keepdims=True)))
        honest, habit = good / (good + bad), chance_of_habit / chance_of_habit.sum(axis=1, keepdims=True)
        chance = (1.0 - honest)[:, None] * habit
        weight = (np.log(honest[:, None] + chance) - np.log(chance)).ravel()[own]
        before, posterior = posterior, _softmax(np.bincount(cells, weight, tasks * labels).reshape(tasks, labels))
        _clamp(task, posterior)
        if float(np.abs(posterior - before).max(initial=0.0)) < TOLERANCE:
            break
    chance = honest[:, None, None] * np.eye(labels) + ((1.0 - honest)[:, None] * habit)[:, None, :]
    share = np.full(labels, 1.0 / labels)
    return Fit(posterior, honest, chance, share, step, _apart_by_few(task, posterior, chance, share))


METHODS: Final[Mapping[str, Callable[[Task], Fit]]] = {
    "majority": majority,
    "weighted-majority": weighted_majority,
    "dawid-skene": dawid_skene,
    "hierarchical": hierarchical,
    "empirical-bayes": empirical_bayes,
    "averaged": averaged,
    "pooled": pooled,
    "one-coin": one_coin,
    "ibcc": ibcc,
    "glad": glad,
    "mace": mace,
}
#: methods that learn no matrix of a worker, and so take any number of labels
WITHOUT_MATRICES: Final = ("majority", "weighted-majority", "one-coin", "glad")
ALIASES: Final = {
    "mv": "majority",
    "majority-vote": "majority",
    "wawa": "weighted-majority",
    "ds": "dawid-skene",
    "hds": "hierarchical",
    "hierarchical-dawid-skene": "hierarchical",
    "one-coin-dawid-skene": "one-coin",
}


def method_named(name: str, answers: Answers | None = None) -> Callable[[Task], Fit]:
    """The method of a name or alias ("Dawid-Skene", "wawa").

    raises  UnknownMethod with the list; of those without matrices where the answers have too many labels for them
    """
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    own = ALIASES.get(plain, plain)
    if own not in METHODS:
        raise UnknownMethod(name, allowed=("auto", *METHODS))
    if answers is not None and own not in WITHOUT_MATRICES and not matrices_fit(answers):
        raise UnknownMethod(f"{name}, with {answers.label_count} labels,", allowed=("auto", *WITHOUT_MATRICES))
    return METHODS[own]


class _Start(NamedTuple):
    """Where EM begins: the answers laid out, posterior (tasks, labels), counts (workers, true, given), their sum."""

    passes: engine.Passes
    posterior: Floats
    counts: Floats
    summed: Floats


def _start(task: Task) -> _Start:
    """The shares of votes with known truth put in its place. Without gold the posterior may be left unwritten."""
    tasks, _, labels = task.shape
    passes = engine.passes_over(task.answers)
    found = None if len(task.gold_tasks) else passes.from_votes()
    if found is not None:
        return _Start(passes, np.empty((tasks, labels)), _by_worker(found[0]), found[1])
    posterior = _vote_shares(task)
    _clamp(task, posterior)
    return _Start(passes, posterior, _by_worker(passes.count(posterior)), posterior.sum(axis=0))


def _matrix_em(
    task: Task,
    added: Floats,
    *,
    coin: float = 0.0,
    variational: bool = False,
    unknown_weight: float = 1.0,
    start: _Start | None = None,
) -> Fit:
    """EM over confusion matrices.

    added           pseudo-counts (1 or workers, true, given) added in every M step
    coin            pseudo-counts per row that lean toward the worker's own one-coin skill
    unknown_weight  what an inferred task counts beside a gold one in the M step; 1 where there is no gold
    """
    _, workers, labels = task.shape
    answers = task.answers
    passes, posterior, counts, summed = start or _start(task)
    known, known_sum = _gold_counts(task)
    weight = unknown_weight if len(task.gold_tasks) else 1.0
    counts, summed = _weighed(counts, known, weight), _weighed(summed, known_sum, weight)
    counts, summed = engine.grained(counts), engine.grained(summed)
    crowd_right = float(np.trace(counts.sum(axis=0)) / max(float(counts.sum()), CHANCE_LEAST))
    if task.prior is not None:
        added = added + _reputation(task.prior, labels)
    before = -np.inf
    chance, log_share = counts, np.zeros(labels)
    step = 0
    for step in range(1, _steps(task) + 1):
        chance, log_share = _m_step(counts, summed, added, coin, crowd_right, variational)
        table = np.ascontiguousarray(chance.transpose(0, 2, 1)).reshape(workers * labels, labels)
        keep = task.steps is None or step == task.steps or len(task.gold_tasks) > 0
        flat, likelihood, summed = passes.expect(table, log_share, posterior, keep=keep)
        counts = _by_worker(flat)
        if len(task.gold_tasks):
            counts = _weighed(_clamp_counts(task, posterior, counts), known, weight)
            summed = _weighed(posterior.sum(axis=0), known_sum, weight)
        counts, summed = engine.grained(counts), engine.grained(summed)
        gained = (likelihood - before) / max(answers.count, 1)
        if task.steps is None and gained < task.tolerance:
            break
        before = likelihood
    apart = None
    if len(task.gold_tasks):
        weights = np.full(len(posterior), weight)
        weights[task.gold_tasks] = 1.0
        own = posterior * weights[:, None]
        apart = _apart(task, own, weights, counts, summed, added, coin, crowd_right, variational)
    shown = chance / chance.sum(axis=2, keepdims=True)
    seen = counts.sum(axis=(1, 2))
    right = np.trace(counts, axis1=1, axis2=2)
    share = np.exp(log_share)
    return Fit(
        posterior,
        (right + 2.0 * crowd_right) / (seen + 2.0),
        shown,
        share / share.sum(),
        step,
        apart,
    )


def _gold_counts(task: Task) -> tuple[Floats, Floats]:
    """What the gold tasks put into counts (workers, true, given) and into the summed posteriors: the same each step."""
    _, workers, labels = task.shape
    known, summed = np.zeros((workers, labels, labels)), np.zeros(labels)
    if len(task.gold_tasks):
        rows, places = _answers_of(task.answers, task.gold_tasks)
        np.add.at(known, (task.answers.worker[rows], task.gold_labels[places], task.answers.label[rows]), 1.0)
        np.add.at(summed, task.gold_labels, 1.0)
    return known, summed


def _weighed(all_counts: Floats, known: Floats, weight: float) -> Floats:
    """Counts with everything that is not known made less of."""
    return all_counts if weight == 1.0 else np.maximum(known + weight * (all_counts - known), 0.0)


def _m_step(
    counts: Floats, summed: Floats, added: Floats, coin: float, crowd_right: float, variational: bool
) -> tuple[Floats, Floats]:
    """Chances of answers and log shares of labels from expected counts and the posteriors summed over tasks."""
    labels = counts.shape[1]
    total = counts + added
    if coin and labels > 1:
        seen, right = counts.sum(axis=(1, 2)), np.einsum("wkk->w", counts)
        skill = (right + 4.0 * crowd_right) / (seen + 4.0)
        wrong = (1.0 - skill)[:, None, None] / (labels - 1)
        total = total + coin * np.where(np.eye(labels, dtype=bool), skill[:, None, None], wrong)
    if variational:
        chance = np.exp(digamma(total) - digamma(total.sum(axis=2, keepdims=True)))
        weight = summed + 1.0
        return np.maximum(chance, 1e-12), digamma(weight) - digamma(weight.sum())
    total = np.maximum(total, CHANCE_LEAST)
    chance = total / total.sum(axis=2, keepdims=True)
    plain = float(added.max(initial=0.0)) == 0.0
    share = (summed + (0.0 if plain else 1.0)) / (summed.sum() + (0.0 if plain else float(labels)))
    return np.maximum(chance, CHANCE_LEAST), np.log(np.maximum(share, CHANCE_LEAST))


def _by_worker(flat: Floats) -> Floats:
    """Counts per answer code and true label as (workers, true, given)."""
    labels = flat.shape[1]
    return flat.reshape(-1, labels, labels).transpose(0, 2, 1)


def _vote_shares(task: Task) -> Floats:
    """Share of votes per task and label; known truth is not used."""
    votes = engine.vote_counts(task.answers)
    total = np.diff(task.answers.start).astype(np.float64)[:, None]
    votes /= np.maximum(total, 1.0)
    return votes


def _clamp(task: Task, posterior: Floats) -> None:
    """Known truth is certain."""
    posterior[task.gold_tasks] = 0.0
    posterior[task.gold_tasks, task.gold_labels] = 1.0


def _clamp_counts(task: Task, posterior: Floats, counts: Floats) -> Floats:
    """Set gold tasks to their truth and correct the counts that were made without it."""
    if not len(task.gold_tasks):
        return counts
    before = posterior[task.gold_tasks].copy()
    _clamp(task, posterior)
    change = posterior[task.gold_tasks] - before
    rows, places = _answers_of(task.answers, task.gold_tasks)
    counts = np.ascontiguousarray(counts)
    for label in range(posterior.shape[1]):
        np.add.at(counts[:, label, :], (task.answers.worker[rows], task.answers.label[rows]), change[places, label])
    return np.maximum(counts, 0.0)


def _answers_of(answers: Answers, tasks: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(rows of these tasks' answers, which of the tasks each belongs to)."""
    lengths = answers.start[tasks + 1] - answers.start[tasks]
    places = np.repeat(np.arange(len(tasks)), lengths)
    offset = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(answers.start[tasks], lengths) + offset, places


def _apart(
    task: Task,
    own: Floats,
    weights: Floats,
    counts: Floats,
    summed: Floats,
    added: Floats,
    coin: float,
    crowd_right: float,
    variational: bool,
) -> Floats:
    """Posterior of each task from matrices without that task's own counts.

    own      what each task has put into the counts, shape (tasks, labels): its posterior times its weight
    weights  one per task
    """
    answers, labels = task.answers, len(summed)
    base = counts + added
    rows = base.sum(axis=2)
    scores = np.empty((answers.task_count, labels))
    skill: Floats = np.empty(0)
    if coin and labels > 1:
        seen, right = counts.sum(axis=(1, 2)), np.einsum("wkk->w", counts)
        mine = own[answers.task, answers.label]
        skill = (np.maximum(right[answers.worker] - mine, 0.0) + 4.0 * crowd_right) / (
            np.maximum(seen[answers.worker] - weights[answers.task], 0.0) + 4.0
        )
    for label in range(labels):
        mine = own[answers.task, label]
        part = base[answers.worker, label, answers.label] - mine
        whole = rows[answers.worker, label] - mine
        if coin and labels > 1:
            part += coin * np.where(answers.label == label, skill, (1.0 - skill) / (labels - 1))
            whole += coin
        part, whole = np.maximum(part, CHANCE_LEAST), np.maximum(whole, CHANCE_LEAST)
        logs = digamma(part) - digamma(whole) if variational else np.log(np.clip(part / whole, CHANCE_LEAST, 1.0))
        scores[:, label] = np.bincount(answers.task, np.maximum(logs, np.log(CHANCE_LEAST)), answers.task_count)
    scores += np.log(np.maximum(summed - own + 1.0, CHANCE_LEAST))
    return _softmax(scores)


def _apart_by_few(task: Task, posterior: Floats, chance: Floats, share: Floats) -> Floats | None:
    """As `_apart` for methods of few parameters, where one task's own weight is small: only gold is taken out."""
    if not len(task.gold_tasks):
        return None
    rows, places = _answers_of(task.answers, task.gold_tasks)
    logs = np.log(np.maximum(chance[task.answers.worker[rows], :, task.answers.label[rows]], CHANCE_LEAST))
    scores = np.zeros((len(task.gold_tasks), len(share)))
    np.add.at(scores, places, logs)
    apart = posterior.copy()
    apart[task.gold_tasks] = _softmax(scores + np.log(np.maximum(share, CHANCE_LEAST)))
    return apart


def _with_gold(task: Task, posterior: Floats, skill: Floats) -> Fit:
    """Votes with known truth put in its place; the votes themselves are the posterior apart."""
    if not len(task.gold_tasks):
        return Fit(posterior, skill)
    clamped = posterior.copy()
    _clamp(task, clamped)
    return Fit(clamped, skill, apart=posterior)


def _agreement(task: Task, votes: Floats) -> Floats:
    """Share of each worker's answers that equal the label of most votes; of n tied labels each is it to one nth."""
    answers = task.answers
    workers = answers.worker_count
    count = np.bincount(answers.worker, minlength=workers)
    first = votes >= votes.max(axis=1, keepdims=True) - engine.TIE
    same = np.bincount(answers.worker, (first / first.sum(axis=1, keepdims=True))[answers.task, answers.label], workers)
    return same / np.maximum(count, 1)


def _reputation(prior: Floats, labels: int) -> Floats:
    """Pseudo-counts (workers, true, given) from counts of right and wrong answers, spread evenly over the rows."""
    right = prior[:, 0][:, None, None] / labels
    wrong = prior[:, 1][:, None, None] / (labels * max(labels - 1, 1))
    return np.where(np.eye(labels, dtype=bool), right, wrong)


def _coin_prior(task: Task) -> tuple[Floats, Floats]:
    """(right, right + wrong) pseudo-counts per worker."""
    if task.prior is None:
        return np.zeros(task.shape[1]), np.zeros(task.shape[1])
    return task.prior[:, 0], task.prior.sum(axis=1)


def _steps(task: Task) -> int:
    return STEPS_MOST if task.steps is None else task.steps


def _softmax(scores: Floats) -> Floats:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def _log_odds(share: Floats) -> Floats:
    return np.asarray(np.log(share) - np.log1p(-share))


def _sigmoid(value: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(value, -30.0, 30.0))))
