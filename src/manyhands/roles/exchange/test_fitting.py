"""Work that does not fit is told with its reason; what is not known of a worker never counts against them."""

from __future__ import annotations

import pytest

from manyhands.protocol.errors import BadManifest
from manyhands.protocol.manifest import Manifest, Needs, PayRule, check_manifest
from manyhands.protocol.messages import NewcomersPrior, StandingsChanged
from manyhands.quality import reputation
from manyhands.roles.exchange.books import Wishes
from manyhands.roles.exchange.errors import BadRequest, ScoreTooLow
from manyhands.roles.exchange.fitting import NEWCOMER_BP, Known, unfit
from manyhands.roles.exchange.testing import OpenJob, put_open_job, put_workers
from manyhands.store.database import Tx, rows

from .scripted import House


@pytest.mark.parametrize(
    ("needs", "known", "told"),
    [
        (Needs(), Known(("en",), 320, "coarse", 0), ()),
        (Needs(languages=("es", "ca")), Known(("ca",)), ()),
        (Needs(languages=("es", "ca")), Known(("en",)), ("language",)),
        (Needs(languages=("es",)), Known(()), ()),
        (Needs(screen="wide"), Known(screen_px=799), ("screen",)),
        (Needs(screen="wide"), Known(screen_px=800), ()),
        (Needs(screen="wide", pointer="fine"), Known(), ()),
        (Needs(pointer="fine"), Known(pointer="coarse"), ("pointer",)),
        (Needs(pointer="fine"), Known(pointer="fine"), ()),
        (Needs(score_bp=NEWCOMER_BP), Known(), ()),
        (Needs(score_bp=NEWCOMER_BP + 1, screen="wide"), Known(screen_px=1), ("score", "screen")),
    ],
)
def test_each_need_is_held_against_what_is_known(needs: Needs, known: Known, told: tuple[str, ...]) -> None:
    assert unfit(needs, known) == told


@pytest.mark.parametrize(
    "needs", [Needs(languages=("Spanish",)), Needs(languages=("ES",)), Needs(score_bp=10_000), Needs(score_bp=-1)]
)
def test_a_manifest_that_asks_nonsense_is_refused_by_name(needs: Needs) -> None:
    manifest = Manifest(
        job_id="j", title="t", requester="r", task_type="transcription", page_count=1, document_count=1,
        pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=8_000_000), budget_minor=1, created_at_ms=1,
        needs=needs,
    )  # fmt: skip
    with pytest.raises(BadManifest) as refused:
        check_manifest(manifest)
    assert refused.value.field.startswith("needs.")


async def test_offers_that_fit_come_first_and_the_others_say_why_they_do_not(house: House) -> None:
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="spanish", needs=Needs(languages=("es",), screen="wide")))
        await put_open_job(tx, OpenJob(job_id="plain"))
        (worker,) = await put_workers(tx, 1)
    await house.exchange.refresh_offers(older_than_ms=0)
    assert {offer.unfit for offer in await house.exchange.offers(worker)} == {()}
    await house.exchange.books.put_wishes(worker, Wishes(languages=("en", "fr")))
    told = await house.exchange.offers(worker, screen_px=390, pointer="coarse")
    assert [(offer.job_id, offer.unfit) for offer in told] == [("plain", ()), ("spanish", ("language", "screen"))]


async def test_the_score_a_job_asks_for_is_held_where_tasks_are_lent(house: House) -> None:
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="hard", needs=Needs(score_bp=8_000)))
        proven, newcomer = await put_workers(tx, 2)
        await tx.execute(
            "insert into exchange.standings (worker, skill, right_micro, wrong_micro, score_bp, because, at_ms) "
            "values (%s, 'transcription', 90000000, 1000000, 8000, 'work', 1)",
            (proven,),
        )
    with pytest.raises(ScoreTooLow, match=r"80 %, yours in this kind of work is 65\.77 %"):
        await house.exchange.claim(newcomer, "hard", 1)
    assert len((await house.exchange.claim(proven, "hard", 1)).assignments) == 1


async def judged_by_the_house(tx: Tx, house: House) -> None:
    """The jobs' reputation oracle is the one that the test speaks for."""
    await tx.execute("update exchange.jobs set reputation = %s", [house.keys["reputation"].address])


@pytest.mark.parametrize(("learnt", "comes_in"), [((19_000_000, 1_000_000), True), ((12_000_000, 8_000_000), False)])
async def test_a_newcomer_is_believed_what_newcomers_to_such_work_turned_out_to_be(
    house: House, learnt: tuple[int, int], comes_in: bool
) -> None:
    """On both sides of what a job asks: where newcomers turned out well they come in, else not; the offer says so."""
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="fair", needs=Needs(score_bp=7_000)))
        (worker,) = await put_workers(tx, 1)
        await judged_by_the_house(tx, house)
    await house.exchange.refresh_offers(older_than_ms=0)
    assert [offer.unfit for offer in await house.exchange.offers(worker)] == [("score",)]
    prior = NewcomersPrior(skill="transcription", right_micro=learnt[0], wrong_micro=learnt[1])
    await house.say("reputation", StandingsChanged(job_id="fair", standings=(), prior=prior))
    assert [offer.unfit for offer in await house.exchange.offers(worker)] == [() if comes_in else ("score",)]
    if comes_in:
        assert len((await house.exchange.claim(worker, "fair", 1)).assignments) == 1
        async with house.db.connection() as tx:
            assert await rows(tx, "select skill_bp from exchange.bundles where worker = %s", [worker]) == [(9_500,)]
    else:
        score = reputation.newcomer(reputation.Prior(*learnt)).score_bp
        with pytest.raises(ScoreTooLow, match=f"{score / 100:g} %".replace(".", r"\.")):
            await house.exchange.claim(worker, "fair", 1)


async def test_what_people_turned_out_to_be_says_nothing_of_other_work_or_of_simulated_people(house: House) -> None:
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="typing"))
        await put_open_job(tx, OpenJob(job_id="played", simulated=True, needs=Needs(score_bp=7_000)))
        (played,) = await put_workers(tx, 1, simulated=True)
        await judged_by_the_house(tx, house)
    prior = NewcomersPrior(skill="transcription", right_micro=19_000_000, wrong_micro=1_000_000)
    assert (
        await house.say("reputation", StandingsChanged(job_id="typing", standings=(), prior=prior))
    ).outcome != "refused"
    with pytest.raises(ScoreTooLow):
        await house.exchange.claim(played, "played", 1)


@pytest.mark.parametrize("languages", [("Spanish",), ("e",), ("es'; drop",), ("es",) * 21])
async def test_a_language_that_is_no_code_is_refused(house: House, languages: tuple[str, ...]) -> None:
    async with house.db.transaction() as tx:
        (worker,) = await put_workers(tx, 1)
    with pytest.raises(BadRequest):
        await house.exchange.books.put_wishes(worker, Wishes(languages=languages))


async def test_a_job_all_of_whose_tasks_are_lent_stays_in_the_offers_of_who_holds_some(house: House) -> None:
    """The answer to a claim may be lost on the way: who asked must find the way back to what they hold."""
    async with house.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="small", per_page=2))
        holder, other = await put_workers(tx, 2)
    await house.exchange.claim(holder, "small", count=20)
    await house.exchange.refresh_offers(older_than_ms=0)
    assert await house.exchange.offers(other) == []
    assert [(offer.job_id, offer.open_tasks) for offer in await house.exchange.offers(holder)] == [("small", 2)]
    assert len((await house.exchange.claim(holder, "small", count=20)).assignments) == 2
    house.clock.now_ms += 600_001
    assert await house.exchange.offers(holder) == []
