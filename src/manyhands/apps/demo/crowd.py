"""Simulated people, who work over the same HTTP interface as real ones.

Rules kept here
- They sign up as simulated, and every page that shows their work says so.
- What they key comes from truth with a seeded error rate; they never see more of a task than its id and its question.
- Their time is not measured but computed: a lognormal spread around the median effort, so that some are slow.

>>> habits(1, 0.03).error_rate == habits(1, 0.03).error_rate
True
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import msgspec

from manyhands.documents.model import Reading
from manyhands.documents.truth import simulate_answer, simulate_choice, simulate_reading_choice
from manyhands.task_types.asked import asked_of, questions_in
from manyhands.task_types.choose_reading import NEITHER
from manyhands.task_types.choose_reading import TASK_TYPE as CHOOSE_READING
from manyhands.task_types.several import Several

log = logging.getLogger(__name__)

BUNDLE = 20
PACE_SPREAD = 0.35
"""Standard deviation of the logarithm of a person's pace; 0.45 was seen among real workers over all kinds of work."""

UNKNOWN_WAITS = 20
"""Half seconds that somebody waits for the truth of a task of which nothing is known yet."""

HEADERS = {"X-Requested-With": "manyhands"}


@dataclass(frozen=True)
class Habits:
    """How one simulated person works. pace 1.0 = the median's time."""

    name: str
    error_rate: float
    pace: float


@dataclass(frozen=True)
class Known:
    """What simulated people are told of one task. text None = not even truth knows, so they say "cannot read".

    places     of a choice, how many places its picture numbers; 0 = a cutting to be keyed
    suggested  of a choice, what the rules would take
    parts      of questions put together, what is known of each
    """

    text: str | None
    readings: tuple[Reading, ...] = ()
    places: int = 0
    suggested: str = ""
    parts: tuple[Known, ...] = ()


TruthSource = Callable[[str], Mapping[str, Known] | None]


class Counted(msgspec.Struct, kw_only=True):
    """What the crowd did, for the demo's summary."""

    answers: int = 0
    reports: int = 0
    votes: int = 0


def habits(seed: int, error_rate: float) -> Habits:
    """One person's habits. Error rates differ between people around the given mean: half to one and a half of it."""
    chance = random.Random(f"habits {seed}")  # noqa: S311  a simulation, repeatable on purpose
    return Habits(
        name=f"simulated-{seed}",
        error_rate=error_rate * (0.5 + chance.random()),
        pace=chance.lognormvariate(0.0, PACE_SPREAD),
    )


class SimulatedPerson:
    """One person with a session of their own.

    known      what is known of a job's tasks; a job of which nothing is known yet (None) is left for later
    reports    whether this person reports their first piece of a job, once
    """

    def __init__(
        self, base_url: str, person: Habits, known: TruthSource, counted: Counted, *, seed: int, reports: bool = False
    ) -> None:
        self.person, self.known, self.counted, self.reports = person, known, counted, reports
        self._chance = random.Random(f"work {seed}")  # noqa: S311  a simulation, repeatable on purpose
        self._http = httpx.AsyncClient(
            base_url=base_url, headers=HEADERS, timeout=30, verify=base_url.startswith("https")
        )
        self._signed_in = False

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop. A server that is away for a while is waited for, like a page that reloads."""
        try:
            while not stop.is_set():
                try:
                    worked = await self.step()
                except (httpx.TransportError, httpx.HTTPStatusError) as trouble:
                    log.info("%s waits: %s", self.person.name, trouble)
                    worked = False
                if not worked:
                    await _sleep(stop, 0.3)
        finally:
            await self._http.aclose()

    async def step(self) -> bool:
        """One round: sign in, judge what the jury asks, work one bundle. False when there was nothing to do."""
        if not self._signed_in:
            await self._sign_in()
        judged = await self._judge()
        for offer in (await self._get("/api/offers"))["offers"]:
            known = self.known(offer["job_id"])
            if known is None:
                continue
            bundle = await self._post(f"/api/jobs/{offer['job_id']}/claim", {"count": BUNDLE})
            if bundle["assignments"]:
                await self._work(offer["job_id"], bundle["assignments"], known)
                return True
        return judged

    async def _sign_in(self) -> None:
        credentials = {"name": self.person.name, "password": f"{self.person.name} works here"}
        answer = await self._http.post("/api/sign-up", json={**credentials, "simulated": True})
        if answer.status_code != httpx.codes.CREATED:
            (await self._http.post("/api/sign-in", json=credentials)).raise_for_status()
        self._signed_in = True

    async def _work(self, job_id: str, assignments: list[dict[str, object]], known: Mapping[str, Known]) -> None:
        answers: list[dict[str, object]] = []
        for _ in range(
            UNKNOWN_WAITS
        ):  # lines put together are tasks of a later round: their truth comes a little later
            if all(str(assignment["task_id"]) in known for assignment in assignments):
                break
            await asyncio.sleep(0.5)
            known = self.known(job_id) or known
        for assignment in assignments:
            if self.reports:
                self.reports = False
                await self._report(job_id, str(assignment["assignment_id"]))
                continue
            known_task = known.get(str(assignment["task_id"]), Known(None))
            effort_ms = assignment["effort_ms"]
            assert isinstance(effort_ms, int)
            answers.append(
                {
                    "assignment_id": assignment["assignment_id"],
                    "text": self._key(known_task, str(assignment["question"])),
                    "active_ms": max(300, int(effort_ms * self.person.pace * self._chance.lognormvariate(0.0, 0.3))),
                }
            )
        if answers:
            outcomes = await self._post(f"/api/jobs/{job_id}/answers", {"answers": answers})
            self.counted.answers += sum(one["outcome"] in ("stored", "late_stored") for one in outcomes["outcomes"])

    def _key(self, known: Known, question: str) -> str | None:
        if known.parts:
            asked_in = zip(known.parts, questions_in(question), strict=True)
            told = [self._key(part, one) for part, one in asked_in]
            return None if all(one is None for one in told) else Several.answer_of(told)
        if known.text is None:
            return None
        if (asked := asked_of(question)) is not None and asked.task_type is CHOOSE_READING:
            return simulate_reading_choice(
                known.text,
                [option for option in asked.question.options if option != NEITHER],
                [reading.text for reading in known.readings],
                error_rate=self.person.error_rate,
                rng=self._chance,
            )
        if known.places:
            return simulate_choice(
                known.text, known.suggested, known.places, error_rate=self.person.error_rate, rng=self._chance
            )
        keyed = simulate_answer(
            known.text, known.readings, error_rate=self.person.error_rate, rng=self._chance, repeat_share=0.15
        )
        return keyed or None

    async def _report(self, job_id: str, assignment_id: str) -> None:
        codes = (await self._get("/api/report-codes"))["codes"]
        await self._post(
            f"/api/jobs/{job_id}/reports",
            {
                "assignment_id": assignment_id,
                "code": codes[0]["code"],
                "text": "a simulated report, so that the demo shows the whole path",
            },
        )
        self.counted.reports += 1

    async def _judge(self) -> bool:
        cases = (await self._get("/api/jury"))["cases"]
        for case in cases:
            await self._post(
                f"/api/jury/{case['case_id']}/vote",
                {"uphold": False, "because": "a simulated juror sees nothing wrong with this cutting"},
            )
            self.counted.votes += 1
        return bool(cases)

    async def _get(self, path: str) -> dict[str, list[dict[str, str]]]:
        answer = await self._http.get(path)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._signed_in = False
        answer.raise_for_status()
        found: dict[str, list[dict[str, str]]] = answer.json()
        return found

    async def _post(self, path: str, body: dict[str, object]) -> dict[str, list[dict[str, object]]]:
        answer = await self._http.post(path, json=body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._signed_in = False
        answer.raise_for_status()
        found: dict[str, list[dict[str, object]]] = answer.json()
        return found


async def work(
    base_url: str,
    known: TruthSource,
    stop: asyncio.Event,
    *,
    people: int,
    error_rate: float,
    seed: int,
    report: bool,
    first: int = 0,
) -> Counted:
    """Lets so many people work until stopped.

    report  one of them files a report, which three others judge
    first   number of the first of them, for those who come later
    """
    counted = Counted()
    crowd = [
        SimulatedPerson(
            base_url,
            habits(seed * 1_000 + number, error_rate),
            known,
            counted,
            seed=seed * 1_000 + number,
            reports=report and number == 0,
        )
        for number in range(first, first + people)
    ]
    await asyncio.gather(*(person.run(stop) for person in crowd))
    return counted


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
