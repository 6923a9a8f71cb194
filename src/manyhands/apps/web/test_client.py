"""The client in both forms: the same methods, the same paths as the OpenAPI, and asking again when no answer came."""

from __future__ import annotations

import inspect
import re

import httpx
import pytest

from manyhands.apps.web.testing import ORIGIN, PASSWORD, House, quoted_job
from manyhands.client import Answer, AsyncClient, Client, Refused, Unreachable, calls
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.signing import LocalSigner
from manyhands.roles.exchange.testing import OpenJob, put_open_job


def methods(of: type) -> dict[str, inspect.Signature]:
    return {
        name: inspect.signature(one)
        for name, one in inspect.getmembers(of, inspect.isfunction)
        if not name.startswith("_")
    }


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    plain, awaited = methods(Client), methods(AsyncClient)
    assert awaited.keys() == plain.keys()
    for name, signature in awaited.items():
        assert str(signature).replace("AsyncIterator", "Iterator") == str(plain[name]), name
    assert {"sign_up", "offers", "claim", "submit", "give_back", "report", "earnings", "quote", "launch", "job"} <= set(
        plain
    )
    assert {"result", "add_hook", "replay", "upload", "sign_in_with_wallet", "make_key"} <= set(plain)
    for name in awaited:
        found = getattr(AsyncClient, name)
        assert inspect.isasyncgenfunction(found) if name == "watch" else inspect.iscoroutinefunction(found), name


def every_call() -> list[calls.Call[object]]:
    """Each function of `calls`, with made-up arguments."""
    made = []
    for name, function in inspect.getmembers(calls, inspect.isfunction):
        if function.__module__ != calls.__name__ or name.startswith("_") or name in ("quote", "dataclass"):
            continue
        arguments: dict[str, object] = {}
        for parameter in inspect.signature(function).parameters.values():
            kind = str(parameter.annotation)
            arguments[parameter.name] = (
                True if kind == "bool" else 1 if kind.startswith("int") else b"x" if kind == "bytes"
                else {} if kind.startswith("Mapping") else [] if kind.startswith("Sequence") else "x"
            )  # fmt: skip
        made.append(function(**arguments))
    return made


WITH_MAIL = {"/api/sign-in/email/begin"}
"""Offered by a platform that has a mail server; `test_ways_in` asks it there."""

OF_ROLES = {("post", "/messages")}
"""What no person and no program of theirs asks: roles speak to each other there."""


async def test_every_call_is_a_route_of_the_api_and_every_route_has_its_call(house: House) -> None:
    openapi_paths = [(method, path) for path, found in house.app.openapi()["paths"].items() for method in found]
    asked = set()
    for call in every_call():
        fits = [
            path
            for method, path in openapi_paths
            if method == call.method.lower() and re.fullmatch(re.sub(r"\{\w+(:path)?\}", r"[^/]+", path), call.path)
        ]
        assert fits or call.path in WITH_MAIL, (call.method, call.path)
        asked |= {(call.method.lower(), path) for path in fits}
    assert set(openapi_paths) - asked == OF_ROLES, "a third party's app needs nothing beside the client"


def at(house: House, **options: str) -> AsyncClient:
    return AsyncClient(ORIGIN, transport=httpx.ASGITransport(house.app), **options)  # type: ignore[arg-type]


async def test_a_foreign_worker_app_needs_the_client_alone(house: House) -> None:
    async with house.platform.db.transaction() as tx:
        await put_open_job(tx, OpenJob(job_id="job-1", per_page=6, simulated=True))
        await tx.execute("update exchange.jobs set jury = %s", (house.platform.keys["jury"].address,))
    await house.platform.exchange.refresh_offers(older_than_ms=0)
    async with at(house) as person:
        account = await person.sign_up("otter", PASSWORD, simulated=True)
        key = await person.make_key("my app", ["work", "earnings"])
    async with at(house, key=key.key) as app:
        (offer,) = await app.offers()
        assert offer.pay_per_hour_minor > 0 and not offer.measured
        bundle = await app.claim(offer.job_id, 4)
        first, second, third, fourth = (one.assignment_id for one in bundle.assignments)
        answers = [Answer(first, "12.50", 4_000), Answer(second, None, 900)]
        assert [one.outcome for one in await app.submit(offer.job_id, answers)] == ["stored", "stored"]
        assert [one.outcome for one in await app.submit(offer.job_id, answers)] == ["already_stored"] * 2
        assert await app.give_back(offer.job_id, [third]) == 1
        code = (await app.report_codes())[0].code
        assert await app.report(offer.job_id, fourth, code, "something is wrong with it")
        earned = await app.earnings()
        assert earned.pending_minor > 0 and earned.jobs[0].answers == 2
        with pytest.raises(Refused, match="by a person"):
            await app.me()
    async with at(house) as person:
        assert await person.sign_in("otter", PASSWORD) == account
        assert [one.name for one in await person.keys()] == ["my app"]


async def test_a_requesters_script_needs_the_client_alone(house: House) -> None:
    async with at(house) as script:
        account = await script.sign_up("firm", PASSWORD, role="requester", simulated=True)
        draft_id = await script.begin_draft("Receipts of March")
        raw = bytes(range(256)) * 3_000
        sent = await script.upload(draft_id, {"march/1.png": raw, "march/2.png": b"small"})
        assert [one.received_bytes for one in sent] == [len(raw), 5]
        assert (await script.draft(draft_id)).state == "collecting"
        job_id = await quoted_job(house.platform, requester=account.worker, title="Receipts of April")
        assert [one["job_id"] for one in await script.jobs()] == [job_id]
        assert (await script.job(job_id))["state"] == "quoted"
        assert await script.result_files(job_id) == []
        assert (await script.cancel(job_id, because="changed my mind")).state == "refused"
        hook = await script.add_hook("https://erp.example.org/hook", name="ERP")
        assert hook.secret.startswith("whs_") and await script.replay(hook.hook_id, job_id) == 2
        assert [one.state for one in await script.tellings(hook.hook_id)] == ["waiting", "waiting"]
        assert await script.end_hook(hook.hook_id) and await script.hooks() == []


async def test_the_rest_of_a_workers_a_requesters_and_an_operators_calls_are_answered_as_typed(house: House) -> None:
    async with at(house) as worker:
        await worker.sign_up("otter", PASSWORD, simulated=True)
        for told in (await worker.refusals(), await worker.standing(), await worker.hours()):
            assert told
        record = await worker.record()
        assert (record.jobs, record.wages) == (0, ())
        assert {one.role for one in record.parties} >= {"exchange", "reputation", "jury"}
        assert await worker.jury_cases() == []
        with pytest.raises(Refused, match="no job job-1 here"):
            await worker.receipts("job-1")
        assert "answers" in await worker.own_answers("job-1")
        assert (await worker.statement()) and (await worker.export()).startswith(b"{")
        with pytest.raises(Refused):
            await worker.appeal("job-1", "It is printed so on the scan.")
        assert await worker.open_desk()
        assert (await worker.choices())["currency"] == "MHT"
        draft_id = await worker.begin_draft("Receipts of March")
        await worker.upload(draft_id, {"1.png": b"small"})
        assert await worker.remove_file(draft_id, 1) and await worker.reopen_draft(draft_id)
        assert [one["draft_id"] for one in await worker.drafts()] == [draft_id]
        assert await worker.delete_draft(draft_id)
        hook = await worker.add_hook("https://erp.example.org/hook")
        assert (await worker.rotate_hook(hook.hook_id)).secret not in ("", hook.secret)
        own = await worker.purse()
        assert own.purse.free_minor == own.purse.limit_minor > 0 and own.lines == []
    async with at(house) as operator:
        account = await operator.sign_up("op", PASSWORD, simulated=True)
        await house.platform.exchange.accounts.take_role(account.worker, "operator", by_operator=True)
        assert (await operator.overview())["stuck"] == []
        requester = own.purse.requester
        assert (await operator.set_limit(requester, 5_000, because="contract of November")).free_minor == 5_000
        paid = await operator.deposit(requester, 700, reference="bank 17", because="invoice 17")
        assert (paid.paid_in_minor, paid.free_minor) == (700, 5_700)
        assert [(one.name, one.free_minor) for one in await operator.purses()] == [("otter", 5_700)]


async def test_a_work_pool_is_run_joined_and_left_with_the_client_alone(house: House) -> None:
    async with at(house) as pool, at(house) as worker, at(house) as firm:
        account = await pool.sign_up("archive", PASSWORD, role="requester", simulated=True)
        await house.platform.exchange.accounts.take_role(account.worker, "workpool", by_operator=True)
        key = await pool.make_key("roster", ["pool"])
        await worker.sign_up("otter", PASSWORD, simulated=True)
        await firm.sign_up("firm", PASSWORD, role="requester", simulated=True)
        async with at(house, key=key.key) as program:
            assert await program.describe_pool("Clerks of the town archive", listed=True)
            made = await program.invite_to_pool(note="night shift", places=3)
            spare = await program.invite_to_pool()
            assert await program.end_invite(spare.invite_id)
            told = await worker.look_at_pool(made.token)
            assert (told.name, told.about, told.member) == ("archive", "Clerks of the town archive", False)
            assert await worker.join_pool(made.token, agreed_to=told.sees) == account.worker
            assert [one.members for one in await firm.pools_to_choose()] == [1]
            async with house.platform.db.transaction() as tx:
                await put_open_job(tx, OpenJob(job_id="job-1", per_page=6, simulated=True, pool=account.worker))
            await house.platform.exchange.refresh_offers(older_than_ms=0)
            assert [one.pool_name for one in await worker.offers()] == ["archive"]
            bundle = await worker.claim("job-1", 2)
            await worker.submit("job-1", [Answer(bundle.assignments[0].assignment_id, "12.50", 4_000)])
            own = await program.own_pool()
            assert [(one.name, one.in_hand) for one in own.members] == [("otter", 1)]
            assert [one.taken for one in own.invites] == [1] and [one.job_id for one in own.jobs] == ["job-1"]
            for refused in (program.join_pool(made.token, agreed_to=told.sees), program.leave_pool(account.worker)):
                with pytest.raises(Refused, match="by a person"):
                    await refused
            assert await worker.leave_pool(account.worker)
            assert (await program.own_pool()).members == []
            assert await worker.join_pool(made.token, agreed_to=told.sees)
            (again,) = (await program.own_pool()).members
            assert await program.remove_member(again.member_id, because="The contract has ended.")
        (left,) = await worker.pools()
        assert (left.ended_by, left.because) == ("pool", "The contract has ended.")
        with pytest.raises(Refused, match="members of a work pool only"):
            await worker.claim("job-1", 2)


async def test_an_account_is_kept_with_the_client_alone(house: House) -> None:
    async with at(house) as person, at(house) as elsewhere:
        account = await person.sign_up("otter", PASSWORD, simulated=True)
        assert (await person.ways_in()).password
        assert (await person.health())["ok"] is True
        own = await person.account()
        assert own.account == account and own.password and own.wallet_kept and own.passkeys == []
        await elsewhere.sign_in("otter", PASSWORD)
        here = [one.here for one in await person.sessions()]
        assert sorted(here) == [False, True]
        assert await person.end_other_sessions() == 1
        with pytest.raises(Refused, match="not signed in"):
            await elsewhere.me()
        await elsewhere.sign_in("otter", PASSWORD)
        (other,) = [one for one in await person.sessions() if not one.here]
        assert await person.end_session(other.session_id)
        assert await person.set_password("a much better one")
        assert (await person.take_role("requester")).roles == ("worker", "requester")
        keystore = await person.export_wallet("a long phrase of one's own")
        from eth_account import Account as EthAccount

        key = EthAccount.decrypt(keystore, "a long phrase of one's own")
        assert EthAccount.from_key(key).address.lower() == account.worker

        def sign(message: str) -> str:
            from eth_account.messages import encode_defunct

            signed = EthAccount.sign_message(encode_defunct(text=message), key)
            return "0x" + bytes(signed.signature).hex()

        assert await person.leave_with_wallet(account.worker, sign)
        own = await person.account()
        assert not own.wallet_kept and [one.name for one in own.wallets] == [account.worker]
        assert await person.link_wallet(account.worker, sign), "twice is once"
        with pytest.raises(Refused):
            await person.sign_in_with_link("not a ticket")


async def test_passkeys_go_through_the_client_as_the_browser_made_them(house: House) -> None:
    async with at(house) as person:
        told = await person.passkey_for_new_account("badger")
        assert told["user"]["name"] == "badger" and told["challenge"]
        credential = {"id": "AQID", "rawId": "AQID", "type": "public-key", "response": {}}
        for attempt in (person.sign_up_with_passkey(credential), person.sign_in_with_passkey(credential)):
            with pytest.raises(Refused):
                await attempt
        assert (await person.passkey_to_sign_in())["challenge"]
        await person.sign_up("otter", PASSWORD, simulated=True)
        assert (await person.passkey_to_add())["challenge"]
        for attempt in (person.add_passkey(credential), person.end_passkey("ab" * 16)):
            with pytest.raises(Refused):
                await attempt


async def test_a_worker_learns_and_an_operator_looks_with_the_client_alone(house: House) -> None:
    async with at(house) as worker:
        await worker.sign_up("otter", PASSWORD, simulated=True)
        assert (await worker.set_wishes({"day_cap_minutes": 240, "languages": ["es"]})).languages == ["es"]
        assert (await worker.wishes()).day_cap_minutes == 240
        assert "transcription" in [one["task_type"] for one in await worker.practices()]
        assert (await worker.practice("transcription"))["pieces"]
        assert (await worker.practice_picture("transcription", 0)).startswith(b"\x89PNG")
        assert await worker.practise("transcription", 0, None)
        assert await worker.guide_examples("transcription")
        assert (await worker.example_picture("transcription", 0)).startswith(b"\x89PNG")
        assert await worker.learned() == [] and await worker.own_link() is None and await worker.signs() == []
        for attempt in (worker.object_to_link("words"), worker.object_to_sign("job-1", "too-fast", "words")):
            with pytest.raises(Refused):
                await attempt
        assert (await worker.statement_pdf()).startswith(b"%PDF") and (await worker.export_zip()).startswith(b"PK")
        assert await worker.public_jobs() == []
        with pytest.raises(Refused):
            await worker.public_results("job-1", key="x")
    async with at(house) as operator:
        account = await operator.sign_up("op", PASSWORD, simulated=True)
        await house.platform.exchange.accounts.take_role(account.worker, "operator", by_operator=True)
        assert await operator.log(process="web") == [] and await operator.signs_seen() == {"groups": [], "signs": []}
        assert (await operator.statement_of(account.worker))["moved"] == []
        for attempt in (
            operator.free("work", "1"), operator.unlink("g", because="they are two people"),
            operator.clear_sign("job-1", 0, because="it means nothing here"),
            operator.answer_objection("job-1", "x", uphold=True, answer="The scan says so."),
        ):  # fmt: skip
            with pytest.raises(Refused):
                await attempt


def cut_streams(asked: list[str]) -> httpx.MockTransport:
    """A job's stream that breaks off in the middle of an event, is away once, and then goes on where it was."""

    def reply(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id", ""))
        stream = {"content-type": "text/event-stream"}
        match len(asked):
            case 1:
                told = b'retry: 2000\n\nid: 1\nevent: happened\ndata: {"name":"quoted"}\n\n: here\n\nid: 2\nevent: hap'
                return httpx.Response(200, content=told, headers=stream)
            case 2:
                return httpx.Response(503)
        told = (
            b'id: 2\r\nevent: happened\r\ndata: {"name":"open"}\r\n\r\nevent: weather\ndata: {"rain": 1}\n\n'
            b'event: state\ndata: {"state":\ndata: "closed"}\n\nevent: over\ndata: {}\n\n'
        )
        return httpx.Response(200, content=told, headers=stream)

    return httpx.MockTransport(reply)


TOLD = [
    ("happened", 1, {"name": "quoted"}), ("happened", 2, {"name": "open"}), ("state", 0, {"state": "closed"}),
    ("over", 0, {}),
]  # fmt: skip


async def test_a_stream_that_was_cut_is_taken_up_where_it_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.client.http.WAITS_S", (0.0, 0.0, 0.0))
    asked: list[str] = []
    with Client(ORIGIN, transport=cut_streams(asked)) as client:
        assert [(one.name, one.number, one.told) for one in client.watch("job-1")] == TOLD
    assert asked == ["", "1", "1"]
    asked.clear()
    async with AsyncClient(ORIGIN, transport=cut_streams(asked)) as awaited:
        assert [(one.name, one.number, one.told) async for one in awaited.watch("job-1")] == TOLD
    assert asked == ["", "1", "1"]


@pytest.mark.parametrize(
    "told", [b"event: state\ndata: [1]\n\n", b"event: state\ndata: {\n\n", b"event: happened\ndata: {}\n\n"]
)
def test_a_stream_that_tells_nonsense_is_refused_and_one_that_stays_away_is_given_up(
    told: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manyhands.client.http.WAITS_S", (0.0, 0.0, 0.0))
    answers = httpx.MockTransport(lambda _: httpx.Response(200, content=told))
    with Client(ORIGIN, transport=answers) as client, pytest.raises(Refused, match=r"event of this stream|number"):
        list(client.watch("job-1"))
    tried: list[httpx.Request] = []
    with Client(ORIGIN, transport=flaky(99, tried)) as client, pytest.raises(Unreachable):
        list(client.watch("job-1"))
    assert len(tried) == 4


async def test_a_requesters_script_watches_its_job_to_the_end(house: House) -> None:
    async with at(house) as script:
        account = await script.sign_up("firm", PASSWORD, role="requester", simulated=True)
        job_id = await quoted_job(house.platform, requester=account.worker, title="Receipts of April")
        await script.cancel(job_id, because="changed my mind")
        events = [one async for one in script.watch(job_id)]
        assert [one.name for one in events][-2:] == ["state", "over"]
        assert [one.number for one in events if one.name == "happened"] == [1, 2]
        assert events[-2].told["state"] == "refused"
        assert [one.name async for one in script.watch(job_id, after=2)] == ["state", "over"]
        with pytest.raises(Refused, match="no such job of yours"):
            await anext(script.watch("somebody-elses"))


async def test_a_wallet_signs_in_without_showing_its_key(house: House) -> None:
    signer = LocalSigner.create(SeededIds("w"))
    async with at(house) as app:
        account = await app.sign_in_with_wallet(signer.address, lambda text: signer.sign_text(text.encode()))
    assert account.worker == signer.address


def flaky(failures: int, seen: list[httpx.Request], *, status: int = 0) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) <= failures:
            if status:
                return httpx.Response(status, content=b"<html>")
            raise httpx.ConnectError("gone")
        return httpx.Response(200, json={"outcomes": [{"assignment_id": "a", "outcome": "stored", "because": ""}]})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("status", [0, 502, 503])
def test_answers_are_sent_again_when_no_answer_came(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.client.http.WAITS_S", (0.0, 0.0, 0.0))
    seen: list[httpx.Request] = []
    with Client("http://site", key="mhk_x", transport=flaky(3, seen, status=status)) as client:
        (outcome,) = client.submit("job-1", [Answer("a", "12.50", 900)])
    assert outcome.outcome == "stored" and len(seen) == 4
    assert {request.content for request in seen} == {
        b'{"answers":[{"assignment_id":"a","text":"12.50","active_ms":900}]}'
    }
    assert seen[0].headers["authorization"] == "Bearer mhk_x" and seen[0].headers["x-requested-with"] == "manyhands"


async def test_what_has_an_effect_each_time_is_asked_once() -> None:
    seen: list[httpx.Request] = []
    async with AsyncClient("http://site", transport=flaky(9, seen)) as client:
        with pytest.raises(Unreachable, match="gone"):
            await client.add_hook("https://example.org/")
    assert len(seen) == 1


def test_a_refusal_keeps_code_sentence_and_cure() -> None:
    told = {"error": {"code": "job_not_open", "message": "the job is not open", "cure": "Choose another."}}
    transport = httpx.MockTransport(lambda _: httpx.Response(409, json=told))
    with Client("http://site", transport=transport) as client, pytest.raises(Refused) as refused:
        client.claim("job/../x", 1)
    assert (refused.value.code, refused.value.cure, refused.value.status) == ("job_not_open", "Choose another.", 409)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b"<html>proxy</html>"))
    with Client("http://site", transport=transport) as client, pytest.raises(Refused, match="other_shape"):
        client.offers()
