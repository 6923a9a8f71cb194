"""The client over httpx: the same methods to call and to await, from one list of calls.

Rules kept here
- The two classes differ in `await` alone; a test compares them method by method.
- A request that may be repeated is sent up to four times when no answer came or the platform was starting again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import httpx
import msgspec

from . import calls, shapes
from .errors import Refused, Unreachable
from .events import EventReader, JobEvent

T = TypeVar("T")

HEADERS: Final = {"X-Requested-With": "manyhands", "User-Agent": "manyhands-client"}
PART_BYTES: Final = 512 * 1024
WAITS_S: Final = (0.1, 0.4, 1.6)
QUIET_S: Final = 60.0
COMES_BACK: Final = frozenset({502, 503, 504})


def _request(http: httpx.Client | httpx.AsyncClient, call: calls.Call[Any]) -> httpx.Request:
    if call.raw is not None:
        headers = {"Content-Type": "application/octet-stream"}
        return http.build_request(call.method, call.path, params=call.query, content=call.raw, headers=headers)
    if call.body is None:
        return http.build_request(call.method, call.path, params=call.query)
    body = msgspec.json.encode(call.body)
    return http.build_request(call.method, call.path, content=body, headers={"Content-Type": "application/json"})


def _value(call: calls.Call[T], reply: httpx.Response) -> T:
    """raises Refused, also for an answer that is not the API's"""
    if reply.status_code >= 400:
        try:
            error = msgspec.json.decode(reply.content)["error"]
            said = {
                name: msgspec.convert(error.get(name, ()), tuple[shapes.Said, ...])
                for name in ("message_said", "cure_said")
            }
            raise Refused(reply.status_code, error["code"], error["message"], error["cure"], **said)
        except (msgspec.ValidationError, msgspec.DecodeError, KeyError, TypeError):
            raise Refused(reply.status_code, f"http_{reply.status_code}", "the answer has no reason", "") from None
    if call.returns is bytes:
        return reply.content  # type: ignore[return-value]  # what the branch says is not seen by the checker
    try:
        told = msgspec.json.decode(reply.content)
        return msgspec.convert(told[call.inside] if call.inside else told, call.returns)
    except (msgspec.ValidationError, msgspec.DecodeError, KeyError, TypeError) as problem:
        raise Refused(
            reply.status_code, "other_shape", f"the answer has another shape: {problem}", "Update this client."
        ) from problem


def _again(call: calls.Call[Any], tried: int, reply: httpx.Response | None) -> bool:
    return call.again and tried < len(WAITS_S) and (reply is None or reply.status_code in COMES_BACK)


def _wait_s(tried: int) -> float:
    return WAITS_S[tried] * (0.5 + random.random())  # noqa: S311  so that many programs do not come back together


def _streaming(reader: EventReader) -> dict[str, Any]:
    """How a stream is asked for. The platform says something every few seconds; longer silence is a cut line."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(reader.last)} if reader.last else {})
    return {"headers": headers, "timeout": httpx.Timeout(10.0, read=QUIET_S)}


def _event(reader: EventReader, line: str) -> JobEvent | None:
    """raises Refused for what is no event of a job"""
    try:
        return reader.line(line)
    except ValueError as problem:
        raise Refused(200, "other_shape", str(problem), "Update this client.") from problem


def _headers(key: str) -> dict[str, str]:
    return {**HEADERS, "Authorization": f"Bearer {key}"} if key else dict(HEADERS)


class Client:
    """One caller: a session (`sign_in`, kept as a cookie) or a program's key.

    transport  of httpx, for tests
    """

    def __init__(
        self, base_url: str, *, key: str = "", timeout_s: float = 30.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(base_url=base_url, headers=_headers(key), timeout=timeout_s, transport=transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _do(self, call: calls.Call[T]) -> T:
        tried = 0
        while True:
            reply: httpx.Response | None = None
            problem = ""
            try:
                reply = self._http.send(_request(self._http, call))
            except httpx.TransportError as trouble:
                problem = f"{type(trouble).__name__}: {trouble}"
            if _again(call, tried, reply):
                time.sleep(_wait_s(tried))
                tried += 1
            elif reply is None:
                raise Unreachable(problem)
            else:
                return _value(call, reply)

    def sign_up(self, name: str, password: str, *, role: str = "worker", simulated: bool = False) -> shapes.Account:
        """Opens an account and signs in to it; the same once more signs in."""
        return self._do(calls.sign_up(name, password, role, simulated=simulated))

    def sign_in(self, name: str, password: str) -> shapes.Account:
        """Signs in by name and password."""
        return self._do(calls.sign_in(name, password))

    def sign_in_with_wallet(
        self, address: str, sign: Callable[[str], str], *, name: str = "", role: str = "worker"
    ) -> shapes.Account:
        """Signs in with a wallet. sign  message -> its EIP-191 signature as 0x text; the key stays where it is"""
        message = self._do(calls.wallet_message(address))
        return self._do(calls.sign_in_with_wallet(message, sign(message), name, role))

    def sign_out(self) -> bool:
        """Ends this session."""
        return self._do(calls.sign_out())

    def me(self) -> shapes.Account:
        """Whose session this is."""
        return self._do(calls.me())

    def account(self) -> shapes.OwnAccount:
        """The ways into this account."""
        return self._do(calls.account())

    def ways_in(self) -> shapes.WaysOffered:
        """How one can sign in here."""
        return self._do(calls.ways_in())

    def ask_for_link(self, email: str, *, role: str = "worker") -> bool:
        """Has a link sent that signs in; an unknown address opens an account."""
        return self._do(calls.ask_for_link(email, role))

    def sign_in_with_link(self, token: str) -> shapes.Account:
        """Signs in with what stands after `#link=`; it opens once."""
        return self._do(calls.sign_in_with_link(token))

    def passkey_for_new_account(self, name: str, *, role: str = "worker") -> dict[str, Any]:
        """What a browser or authenticator needs to make a passkey for a new account."""
        return self._do(calls.passkey_for_new_account(name, role))

    def sign_up_with_passkey(self, credential: Mapping[str, Any], *, label: str = "") -> shapes.Account:
        """Opens an account whose way in is this passkey. credential  as `PublicKeyCredential.toJSON()` gives it"""
        return self._do(calls.sign_up_with_passkey(credential, label))

    def passkey_to_sign_in(self) -> dict[str, Any]:
        """What a browser or authenticator needs to use a passkey."""
        return self._do(calls.passkey_to_sign_in())

    def sign_in_with_passkey(self, credential: Mapping[str, Any]) -> shapes.Account:
        """Signs in with a passkey."""
        return self._do(calls.sign_in_with_passkey(credential))

    def passkey_to_add(self) -> dict[str, Any]:
        """What a browser or authenticator needs to add a passkey to this account."""
        return self._do(calls.passkey_to_add())

    def add_passkey(self, credential: Mapping[str, Any], *, label: str = "") -> bool:
        """Adds a passkey to this account."""
        return self._do(calls.add_passkey(credential, label))

    def end_passkey(self, passkey_id: str) -> bool:
        """Takes a passkey away; never the last way in."""
        return self._do(calls.end_passkey(passkey_id))

    def set_password(self, password: str) -> bool:
        """Sets or changes the password; every other session ends."""
        return self._do(calls.set_password(password))

    def take_role(self, role: str) -> shapes.Account:
        """Is a worker or requester too."""
        return self._do(calls.take_role(role))

    def export_wallet(self, passphrase: str) -> dict[str, Any]:
        """The kept wallet as a key file (Web3 Secret Storage 3) that the passphrase opens."""
        return self._do(calls.export_wallet(passphrase))

    def link_wallet(self, address: str, sign: Callable[[str], str]) -> bool:
        """Lets a wallet sign in to this account. sign  message -> its EIP-191 signature as 0x text"""
        message = self._do(calls.wallet_message(address))
        return self._do(calls.link_wallet(message, sign(message)))

    def leave_with_wallet(self, address: str, sign: Callable[[str], str]) -> bool:
        """Has the kept key forgotten, proving with it that one has it. sign  as in `link_wallet`"""
        message = self._do(calls.wallet_message(address))
        return self._do(calls.leave_with_wallet(message, sign(message)))

    def sessions(self) -> list[shapes.Session]:
        """Where this account is signed in."""
        return self._do(calls.sessions())

    def end_session(self, session_id: str) -> bool:
        """Ends one of these sessions."""
        return self._do(calls.end_session(session_id))

    def end_other_sessions(self) -> int:
        """Ends every session but this one; how many."""
        return self._do(calls.end_other_sessions())

    def make_key(self, name: str, scopes: Sequence[str], *, lasts_ms: int | None = None) -> shapes.Key:
        """A key for a program; it is told this once. Needs a session younger than ten minutes."""
        return self._do(calls.make_key(name, scopes, lasts_ms))

    def keys(self) -> list[shapes.Key]:
        """Keys of this account."""
        return self._do(calls.keys())

    def end_key(self, key_id: str) -> bool:
        """Ends a key."""
        return self._do(calls.end_key(key_id))

    def offers(self, *, language: str = "en") -> list[shapes.Offer]:
        """Work that fits this worker."""
        return self._do(calls.offers(language=language))

    def claim(self, job_id: str, count: int = 10) -> shapes.Bundle:
        """Borrows up to 20 tasks; asked again, the same unfinished ones."""
        return self._do(calls.claim(job_id, count))

    def submit(self, job_id: str, answers: Sequence[shapes.Answer]) -> list[shapes.Outcome]:
        """Hands answers in; the same answer twice has one effect."""
        return self._do(calls.submit(job_id, answers))

    def give_back(self, job_id: str, assignment_ids: Sequence[str]) -> int:
        """Returns tasks without loss; how many."""
        return self._do(calls.give_back(job_id, assignment_ids))

    def report_codes(self) -> list[shapes.ReportCode]:
        """What may be reported."""
        return self._do(calls.report_codes())

    def report(self, job_id: str, assignment_id: str, code: str, text: str = "") -> str:
        """Says that a task is not in order; returns the report's id."""
        return self._do(calls.report(job_id, assignment_id, code, text))

    def earnings(self) -> shapes.Earnings:
        """What this worker earned, and why."""
        return self._do(calls.earnings())

    def picture(self, picture_url: str) -> bytes:
        """The cutting that an assignment shows."""
        return self._do(calls.Call("GET", picture_url, bytes))

    def begin_draft(self, title: str) -> str:
        """Begins a job; returns the draft's id."""
        return self._do(calls.begin_draft(title))

    def draft(self, draft_id: str) -> shapes.Draft:
        """A draft: its files, and whether they are read in."""
        return self._do(calls.draft(draft_id))

    def upload(self, draft_id: str, files: Mapping[str, bytes]) -> list[shapes.DraftFile]:
        """Sends files, by name; what had arrived before is not sent again."""
        sizes = [(name, len(raw)) for name, raw in files.items()]
        sent = []
        for file in self._do(calls.announce(draft_id, sizes)):
            raw = files.get(file.name, b"")
            while file.received_bytes < file.size_bytes and raw:
                rest = raw[file.received_bytes : file.received_bytes + PART_BYTES]
                file = self._do(calls.part(draft_id, file.file_no, file.received_bytes, rest))
            sent.append(file)
        return sent

    def read_in(self, draft_id: str) -> bool:
        """Has the files read in; `draft` says when it is done."""
        return self._do(calls.read_in(draft_id))

    def wish(self, draft_id: str, wanted: Mapping[str, Any]) -> bool:
        """Says what is wanted: the fields of `DraftWish` in the API reference."""
        return self._do(calls.wish(draft_id, wanted))

    def quote(self, draft_id: str, *, tryout: bool = False) -> shapes.Quote:
        """What it would cost, line by line."""
        return self._do(calls.quote_of(draft_id, tryout=tryout))

    def launch(self, draft_id: str, *, agreed_minor: int, tryout: bool = False) -> shapes.Launched:
        """Launches for the figure agreed to; twice is once."""
        return self._do(calls.launch(draft_id, agreed_minor, tryout=tryout))

    def jobs(self) -> list[dict[str, Any]]:
        """This requester's jobs."""
        return self._do(calls.jobs())

    def job(self, job_id: str) -> dict[str, Any]:
        """One of this requester's jobs: state, progress, money."""
        return self._do(calls.job(job_id))

    def watch(self, job_id: str, *, after: int = 0) -> Iterator[JobEvent]:
        """A running job as it goes on, until it is over. after  number of the last thing that happened which is known

        A stream that was cut is taken up where it broke off; `Unreachable` when nothing comes four times in a row.
        """
        reader, tried = EventReader(), 0
        reader.last = after
        while True:
            problem = "the stream ended before the job was over"
            try:
                with self._http.stream("GET", calls.events(job_id).path, **_streaming(reader)) as reply:
                    if reply.status_code in COMES_BACK:
                        raise httpx.ReadError(f"it answered {reply.status_code}")
                    if reply.status_code >= 400:
                        reply.read()
                        _value(calls.events(job_id), reply)
                    for line in reply.iter_lines():
                        event = _event(reader, line)
                        if event is not None:
                            tried = 0
                            yield event
                            if event.name == "over":
                                return
            except httpx.TransportError as trouble:
                problem = f"{type(trouble).__name__}: {trouble}"
            reader.cut()
            if tried >= len(WAITS_S):
                raise Unreachable(problem)
            time.sleep(_wait_s(tried))
            tried += 1

    def cancel(self, job_id: str, *, because: str = "") -> shapes.Launched:
        """Ends a job early; what was accepted is paid."""
        return self._do(calls.cancel(job_id, because))

    def result_files(self, job_id: str) -> list[shapes.ResultFile]:
        """Everything that can be downloaded of a job."""
        return self._do(calls.result_files(job_id))

    def result(self, job_id: str, name: str) -> bytes:
        """One file of a delivered job."""
        return self._do(calls.result(job_id, name))

    def hooks(self) -> list[shapes.Hook]:
        """Webhooks of this requester."""
        return self._do(calls.hooks())

    def add_hook(self, url: str, *, name: str = "") -> shapes.Hook:
        """Has an address told of every event of one's jobs; the answer has the secret of its signatures."""
        return self._do(calls.add_hook(url, name))

    def end_hook(self, hook_id: str) -> bool:
        """Tells an address nothing more."""
        return self._do(calls.end_hook(hook_id))

    def tellings(self, hook_id: str) -> list[shapes.Telling]:
        """What a webhook was told, what waits and why."""
        return self._do(calls.tellings(hook_id))

    def replay(self, hook_id: str, job_id: str, *, from_number: int = 1) -> int:
        """Tells a job's events again; how many."""
        return self._do(calls.replay(hook_id, job_id, from_number))

    def refusals(self) -> dict[str, Any]:
        """Answers that were refused, with the reason and what may be done."""
        return self._do(calls.refusals())

    def appeal(self, job_id: str, words: str) -> dict[str, Any]:
        """Asks that the refused answers of a job are looked at again by other people."""
        return self._do(calls.appeal(job_id, words))

    def rate(self, job_id: str, stars: int) -> dict[str, Any]:
        """Rates a requester for a job, one to five stars; once more changes it."""
        return self._do(calls.rate(job_id, stars))

    def read_guide(self, task_type: str, version: str, *, language: str = "en") -> dict[str, Any]:
        """Says that the instructions of a kind of task were read, in this version."""
        return self._do(calls.read_guide(task_type, version, language=language))

    def standing(self) -> dict[str, Any]:
        """This worker's standing, and the cause of each change."""
        return self._do(calls.standing())

    def hours(self) -> dict[str, Any]:
        """Hours worked by day and week, and the caps set by oneself."""
        return self._do(calls.hours())

    def own_answers(self, job_id: str) -> dict[str, Any]:
        """Every answer of one's own in a job, with what became of it."""
        return self._do(calls.own_answers(job_id))

    def receipts(self, job_id: str) -> list[dict[str, Any]]:
        """Proofs that one's answers were recorded, to be checked against the chain."""
        return self._do(calls.receipts(job_id))

    def jury_cases(self) -> list[dict[str, Any]]:
        """Reports that this worker was drawn to judge."""
        return self._do(calls.jury_cases())

    def jury_vote(self, case_id: str, *, uphold: bool, because: str) -> bool:
        """Judges a report."""
        return self._do(calls.jury_vote(case_id, uphold, because))

    def statement(self) -> bytes:
        """What was earned, as CSV."""
        return self._do(calls.statement())

    def export(self) -> bytes:
        """Everything that is kept of this account, as JSON."""
        return self._do(calls.export())

    def wishes(self) -> shapes.Wishes:
        """One's own limits, and how much of them is used."""
        return self._do(calls.wishes())

    def set_wishes(self, wanted: Mapping[str, Any]) -> shapes.Wishes:
        """Sets one's own limits: the fields of `Wishes` but the last two; left out = none."""
        return self._do(calls.set_wishes(wanted))

    def own_link(self) -> dict[str, Any] | None:
        """Whether one counts as one with other accounts, and why."""
        return self._do(calls.own_link())

    def object_to_link(self, words: str) -> bool:
        """Says that it is wrong; a person decides."""
        return self._do(calls.object_to_link(words))

    def learned(self) -> list[dict[str, Any]]:
        """Guides read and practices done: paid or due."""
        return self._do(calls.learned())

    def guide_examples(self, task_type: str, *, language: str = "en") -> list[dict[str, Any]]:
        """Examples of a guide. language: of their words, where there is one in it"""
        return self._do(calls.guide_examples(task_type, language=language))

    def example_picture(self, task_type: str, place: int, *, language: str = "en") -> bytes:
        """The picture of an example."""
        return self._do(calls.example_picture(task_type, place, language=language))

    def practices(self) -> list[dict[str, Any]]:
        """Every kind of work that can be practised, and how far one is with it."""
        return self._do(calls.practices())

    def practice(self, task_type: str, *, language: str = "en") -> dict[str, Any]:
        """One's own practice of a kind of work. language: of its questions, where there is one in it"""
        return self._do(calls.practice(task_type, language=language))

    def practise(self, task_type: str, place: int, text: str | None, *, language: str = "en") -> dict[str, Any]:
        """Answers a piece of the practice; the reply tells the reason. text None = cannot read"""
        return self._do(calls.practise(task_type, place, text, language=language))

    def practice_picture(self, task_type: str, place: int, *, language: str = "en") -> bytes:
        """The picture of a piece of the practice."""
        return self._do(calls.practice_picture(task_type, place, language=language))

    def statement_pdf(self) -> bytes:
        """What was earned, as PDF."""
        return self._do(calls.statement_pdf())

    def export_zip(self) -> bytes:
        """Everything that is kept of this account, as JSON and a CSV for each table."""
        return self._do(calls.export_zip())

    def open_desk(self) -> bool:
        """Opens a desk: the account may launch jobs from now on."""
        return self._do(calls.open_desk())

    def choices(self) -> dict[str, Any]:
        """What may be chosen at the desk: kinds of documents and their fields, the floor, limits of an upload."""
        return self._do(calls.choices())

    def drafts(self) -> list[dict[str, Any]]:
        """This requester's drafts."""
        return self._do(calls.drafts())

    def delete_draft(self, draft_id: str) -> bool:
        """Forgets a draft and the files it was sent."""
        return self._do(calls.delete_draft(draft_id))

    def remove_file(self, draft_id: str, file_no: int) -> bool:
        """Takes a file out of a draft."""
        return self._do(calls.remove_file(draft_id, file_no))

    def reopen_draft(self, draft_id: str) -> bool:
        """Takes more files into a draft whose pages were read in."""
        return self._do(calls.reopen_draft(draft_id))

    def put_questions(self, draft_id: str, sheet: str, raw: bytes, *, name: str = "") -> dict[str, Any]:
        """Gives a draft its table of questions. sheet: claims or ledger. raw: CSV. Returns how many there are."""
        return self._do(calls.questions(draft_id, sheet, name, raw))

    def drop_questions(self, draft_id: str) -> bool:
        """Takes a draft's table of questions out."""
        return self._do(calls.no_questions(draft_id))

    def questions_sample(self, sheet: str) -> bytes:
        """A table of questions to begin with, as CSV. sheet: claims or ledger."""
        return self._do(calls.questions_sample(sheet))

    def answers(self, job_id: str) -> list[dict[str, Any]]:
        """Verdicts on claims, on a ledger's lines, and fields that were looked for."""
        return self._do(calls.answers_of(job_id))

    def take_back(self, draft_id: str) -> bool:
        """Opens a draft again whose job was refused; nothing was charged."""
        return self._do(calls.take_back(draft_id))

    def pages(self, job_id: str) -> list[dict[str, Any]]:
        """Pictures of a job's pages, under addresses signed for a while."""
        return self._do(calls.pages(job_id))

    def documents(self, job_id: str) -> list[dict[str, Any]]:
        """Documents of a delivered job."""
        return self._do(calls.documents(job_id))

    def document(self, job_id: str, doc_id: str) -> dict[str, Any]:
        """One document: fields, tables, pieces with boxes and how each was decided."""
        return self._do(calls.document(job_id, doc_id))

    def doubts(self, job_id: str) -> list[shapes.Doubt]:
        """What should be looked at, the most doubtful first."""
        return self._do(calls.doubts(job_id))

    def invoice(self, job_id: str) -> bytes:
        """The bill of a finished job, as PDF."""
        return self._do(calls.invoice(job_id))

    def objections(self, job_id: str) -> list[dict[str, Any]]:
        """What this requester did not believe, and what came of it."""
        return self._do(calls.objections(job_id))

    def object_to(self, job_id: str, *, doc_id: str, piece_id: str, code: str, should_be: str, because: str) -> str:
        """Objects to a delivered value, with reason and evidence; returns the objection's id."""
        return self._do(calls.object_to(job_id, doc_id, piece_id, code, should_be, because))

    def purse(self, *, currency: str = "") -> shapes.OwnPurse:
        """What one may spend in a token ("" = the first), what jobs hold, every movement, where to pay in."""
        return self._do(calls.purse(currency))

    def rotate_hook(self, hook_id: str) -> shapes.Hook:
        """Makes a webhook's secret anew; for a day both sign. The answer has it, this once."""
        return self._do(calls.rotate_hook(hook_id))

    def signs(self) -> list[shapes.OwnSign]:
        """What was noticed of one's own answers, with its counts; it took no pay."""
        return self._do(calls.signs())

    def object_to_sign(self, job_id: str, kind: str, words: str) -> bool:
        """Says what there is to say to a sign; a person reads it."""
        return self._do(calls.object_to_sign(job_id, kind, words))

    def clear_sign(self, job_id: str, position: int, *, because: str) -> int:
        """Takes a sign back as the operator, and says why; how many."""
        return self._do(calls.clear_sign(job_id, position, because))

    def pools(self) -> list[shapes.Membership]:
        """Work pools this worker belongs or belonged to."""
        return self._do(calls.pools())

    def look_at_pool(self, token: str) -> shapes.Invited:
        """What an invitation is to; nothing is agreed yet."""
        return self._do(calls.look_at_pool(token))

    def join_pool(self, token: str, *, agreed_to: str) -> str:
        """Joins a work pool; returns its address. In person: no key may. agreed_to  `sees` of `look_at_pool`"""
        return self._do(calls.join_pool(token, agreed_to))

    def leave_pool(self, pool: str) -> bool:
        """Leaves a work pool at once; record, standing and wallet stay. In person: no key may."""
        return self._do(calls.leave_pool(pool))

    def pools_to_choose(self) -> list[shapes.PoolChoice]:
        """Work pools to launch for: those that let themselves be found, and one's own."""
        return self._do(calls.pools_to_choose())

    def own_pool(self) -> shapes.OwnPool:
        """One's own work pool: members with their work in its jobs, invitations, jobs."""
        return self._do(calls.own_pool())

    def describe_pool(self, about: str, *, listed: bool) -> bool:
        """Says who the pool is, and whether requesters find it."""
        return self._do(calls.describe_pool(about, listed))

    def invite_to_pool(self, *, note: str = "", places: int = 1, lasts_ms: int = 1_209_600_000) -> shapes.InviteMade:
        """Makes a link by which people can join; its token is told this once."""
        return self._do(calls.invite_to_pool(note, places, lasts_ms))

    def end_invite(self, invite_id: str) -> bool:
        """Ends an invitation; whoever joined by it stays."""
        return self._do(calls.end_invite(invite_id))

    def remove_member(self, member_id: str, *, because: str) -> bool:
        """Puts a member out, with a reason they are told."""
        return self._do(calls.remove_member(member_id, because))

    def overview(self) -> dict[str, Any]:
        """Health, queues, and what is stuck."""
        return self._do(calls.overview())

    def money(self) -> dict[str, Any]:
        """Every role's book beside the chain itself; seconds with many jobs."""
        return self._do(calls.money())

    def purses(self) -> list[shapes.Purse]:
        """Every requester's purse, the last changed first."""
        return self._do(calls.purses())

    def set_limit(self, requester: str, limit_minor: int | None, *, because: str, currency: str = "") -> shapes.Purse:
        """Sets what a requester may owe in a token, "" = the first; None = the default again. In person: no key may."""
        return self._do(calls.set_limit(requester, limit_minor, because, currency))

    def deposit(
        self, requester: str, amount_minor: int, *, reference: str, because: str, currency: str = ""
    ) -> shapes.Purse:
        """Writes down what a requester paid in; the same reference counts once. In person: no key may."""
        return self._do(calls.deposit(requester, amount_minor, reference, because, currency))

    def log(self, *, process: str = "roles", job_id: str = "") -> list[str]:
        """The last lines of a process, or those of all that name a job."""
        return self._do(calls.log(process, job_id))

    def free(self, kind: str, ref: str) -> int:
        """Has a stuck thing go on now; how many. kind, ref  as `overview` names them"""
        return self._do(calls.free(kind, ref))

    def signs_seen(self) -> dict[str, Any]:
        """Signs of copying and haste, who counts as one for it, and what they say to it."""
        return self._do(calls.signs_seen())

    def unlink(self, group: str, *, because: str) -> int:
        """Counts workers singly again, and says why; how many."""
        return self._do(calls.unlink(group, because))

    def answer_objection(self, job_id: str, objection_id: str, *, uphold: bool, answer: str) -> bool:
        """Answers what a requester did not believe."""
        return self._do(calls.answer_objection(job_id, objection_id, uphold, answer))

    def statement_of(self, party: str, *, since_ms: int = 0, until_ms: int | None = None) -> dict[str, Any]:
        """What moved for a party, or a job's escrow, by kind of money."""
        return self._do(calls.statement_of(party, since_ms, until_ms))

    def public_jobs(self) -> list[dict[str, Any]]:
        """Jobs as anybody may see them, the newest first."""
        return self._do(calls.public_jobs())

    def public_results(self, job_id: str, *, key: str = "") -> list[dict[str, Any]]:
        """Files of a delivered job, with the job's own key."""
        return self._do(calls.public_results(job_id, key))

    def public_result(self, job_id: str, name: str, *, key: str = "") -> bytes:
        """One of these files, with the job's own key."""
        return self._do(calls.public_result(job_id, name, key))

    def currencies(self) -> list[shapes.Currency]:
        """What jobs are paid in on this platform, the first first."""
        return self._do(calls.currencies())

    def health(self) -> dict[str, Any]:
        """Whether the platform is up, and which version it is."""
        return self._do(calls.health())

    def record(self) -> shapes.PublicRecord:
        """The public record: sums, wages without names, reports, appeals, roles."""
        return self._do(calls.record())

    def public_job(self, job_id: str) -> dict[str, Any]:
        """A job as anybody may see it: progress, money, route, anchors."""
        return self._do(calls.public_job(job_id))


class AsyncClient:
    """One caller: a session (`sign_in`, kept as a cookie) or a program's key.

    transport  of httpx, for tests
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str = "",
        timeout_s: float = 30.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, headers=_headers(key), timeout=timeout_s, transport=transport)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def _do(self, call: calls.Call[T]) -> T:
        tried = 0
        while True:
            reply: httpx.Response | None = None
            problem = ""
            try:
                reply = await self._http.send(_request(self._http, call))
            except httpx.TransportError as trouble:
                problem = f"{type(trouble).__name__}: {trouble}"
            if _again(call, tried, reply):
                await asyncio.sleep(_wait_s(tried))
                tried += 1
            elif reply is None:
                raise Unreachable(problem)
            else:
                return _value(call, reply)

    async def sign_up(
        self, name: str, password: str, *, role: str = "worker", simulated: bool = False
    ) -> shapes.Account:
        """Opens an account and signs in to it; the same once more signs in."""
        return await self._do(calls.sign_up(name, password, role, simulated=simulated))

    async def sign_in(self, name: str, password: str) -> shapes.Account:
        """Signs in by name and password."""
        return await self._do(calls.sign_in(name, password))

    async def sign_in_with_wallet(
        self, address: str, sign: Callable[[str], str], *, name: str = "", role: str = "worker"
    ) -> shapes.Account:
        """Signs in with a wallet. sign  message -> its EIP-191 signature as 0x text; the key stays where it is"""
        message = await self._do(calls.wallet_message(address))
        return await self._do(calls.sign_in_with_wallet(message, sign(message), name, role))

    async def sign_out(self) -> bool:
        """Ends this session."""
        return await self._do(calls.sign_out())

    async def me(self) -> shapes.Account:
        """Whose session this is."""
        return await self._do(calls.me())

    async def account(self) -> shapes.OwnAccount:
        """The ways into this account."""
        return await self._do(calls.account())

    async def ways_in(self) -> shapes.WaysOffered:
        """How one can sign in here."""
        return await self._do(calls.ways_in())

    async def ask_for_link(self, email: str, *, role: str = "worker") -> bool:
        """Has a link sent that signs in; an unknown address opens an account."""
        return await self._do(calls.ask_for_link(email, role))

    async def sign_in_with_link(self, token: str) -> shapes.Account:
        """Signs in with what stands after `#link=`; it opens once."""
        return await self._do(calls.sign_in_with_link(token))

    async def passkey_for_new_account(self, name: str, *, role: str = "worker") -> dict[str, Any]:
        """What a browser or authenticator needs to make a passkey for a new account."""
        return await self._do(calls.passkey_for_new_account(name, role))

    async def sign_up_with_passkey(self, credential: Mapping[str, Any], *, label: str = "") -> shapes.Account:
        """Opens an account whose way in is this passkey. credential  as `PublicKeyCredential.toJSON()` gives it"""
        return await self._do(calls.sign_up_with_passkey(credential, label))

    async def passkey_to_sign_in(self) -> dict[str, Any]:
        """What a browser or authenticator needs to use a passkey."""
        return await self._do(calls.passkey_to_sign_in())

    async def sign_in_with_passkey(self, credential: Mapping[str, Any]) -> shapes.Account:
        """Signs in with a passkey."""
        return await self._do(calls.sign_in_with_passkey(credential))

    async def passkey_to_add(self) -> dict[str, Any]:
        """What a browser or authenticator needs to add a passkey to this account."""
        return await self._do(calls.passkey_to_add())

    async def add_passkey(self, credential: Mapping[str, Any], *, label: str = "") -> bool:
        """Adds a passkey to this account."""
        return await self._do(calls.add_passkey(credential, label))

    async def end_passkey(self, passkey_id: str) -> bool:
        """Takes a passkey away; never the last way in."""
        return await self._do(calls.end_passkey(passkey_id))

    async def set_password(self, password: str) -> bool:
        """Sets or changes the password; every other session ends."""
        return await self._do(calls.set_password(password))

    async def take_role(self, role: str) -> shapes.Account:
        """Is a worker or requester too."""
        return await self._do(calls.take_role(role))

    async def export_wallet(self, passphrase: str) -> dict[str, Any]:
        """The kept wallet as a key file (Web3 Secret Storage 3) that the passphrase opens."""
        return await self._do(calls.export_wallet(passphrase))

    async def link_wallet(self, address: str, sign: Callable[[str], str]) -> bool:
        """Lets a wallet sign in to this account. sign  message -> its EIP-191 signature as 0x text"""
        message = await self._do(calls.wallet_message(address))
        return await self._do(calls.link_wallet(message, sign(message)))

    async def leave_with_wallet(self, address: str, sign: Callable[[str], str]) -> bool:
        """Has the kept key forgotten, proving with it that one has it. sign  as in `link_wallet`"""
        message = await self._do(calls.wallet_message(address))
        return await self._do(calls.leave_with_wallet(message, sign(message)))

    async def sessions(self) -> list[shapes.Session]:
        """Where this account is signed in."""
        return await self._do(calls.sessions())

    async def end_session(self, session_id: str) -> bool:
        """Ends one of these sessions."""
        return await self._do(calls.end_session(session_id))

    async def end_other_sessions(self) -> int:
        """Ends every session but this one; how many."""
        return await self._do(calls.end_other_sessions())

    async def make_key(self, name: str, scopes: Sequence[str], *, lasts_ms: int | None = None) -> shapes.Key:
        """A key for a program; it is told this once. Needs a session younger than ten minutes."""
        return await self._do(calls.make_key(name, scopes, lasts_ms))

    async def keys(self) -> list[shapes.Key]:
        """Keys of this account."""
        return await self._do(calls.keys())

    async def end_key(self, key_id: str) -> bool:
        """Ends a key."""
        return await self._do(calls.end_key(key_id))

    async def offers(self, *, language: str = "en") -> list[shapes.Offer]:
        """Work that fits this worker."""
        return await self._do(calls.offers(language=language))

    async def claim(self, job_id: str, count: int = 10) -> shapes.Bundle:
        """Borrows up to 20 tasks; asked again, the same unfinished ones."""
        return await self._do(calls.claim(job_id, count))

    async def submit(self, job_id: str, answers: Sequence[shapes.Answer]) -> list[shapes.Outcome]:
        """Hands answers in; the same answer twice has one effect."""
        return await self._do(calls.submit(job_id, answers))

    async def give_back(self, job_id: str, assignment_ids: Sequence[str]) -> int:
        """Returns tasks without loss; how many."""
        return await self._do(calls.give_back(job_id, assignment_ids))

    async def report_codes(self) -> list[shapes.ReportCode]:
        """What may be reported."""
        return await self._do(calls.report_codes())

    async def report(self, job_id: str, assignment_id: str, code: str, text: str = "") -> str:
        """Says that a task is not in order; returns the report's id."""
        return await self._do(calls.report(job_id, assignment_id, code, text))

    async def earnings(self) -> shapes.Earnings:
        """What this worker earned, and why."""
        return await self._do(calls.earnings())

    async def picture(self, picture_url: str) -> bytes:
        """The cutting that an assignment shows."""
        return await self._do(calls.Call("GET", picture_url, bytes))

    async def begin_draft(self, title: str) -> str:
        """Begins a job; returns the draft's id."""
        return await self._do(calls.begin_draft(title))

    async def draft(self, draft_id: str) -> shapes.Draft:
        """A draft: its files, and whether they are read in."""
        return await self._do(calls.draft(draft_id))

    async def upload(self, draft_id: str, files: Mapping[str, bytes]) -> list[shapes.DraftFile]:
        """Sends files, by name; what had arrived before is not sent again."""
        sizes = [(name, len(raw)) for name, raw in files.items()]
        sent = []
        for file in await self._do(calls.announce(draft_id, sizes)):
            raw = files.get(file.name, b"")
            while file.received_bytes < file.size_bytes and raw:
                rest = raw[file.received_bytes : file.received_bytes + PART_BYTES]
                file = await self._do(calls.part(draft_id, file.file_no, file.received_bytes, rest))
            sent.append(file)
        return sent

    async def read_in(self, draft_id: str) -> bool:
        """Has the files read in; `draft` says when it is done."""
        return await self._do(calls.read_in(draft_id))

    async def wish(self, draft_id: str, wanted: Mapping[str, Any]) -> bool:
        """Says what is wanted: the fields of `DraftWish` in the API reference."""
        return await self._do(calls.wish(draft_id, wanted))

    async def quote(self, draft_id: str, *, tryout: bool = False) -> shapes.Quote:
        """What it would cost, line by line."""
        return await self._do(calls.quote_of(draft_id, tryout=tryout))

    async def launch(self, draft_id: str, *, agreed_minor: int, tryout: bool = False) -> shapes.Launched:
        """Launches for the figure agreed to; twice is once."""
        return await self._do(calls.launch(draft_id, agreed_minor, tryout=tryout))

    async def jobs(self) -> list[dict[str, Any]]:
        """This requester's jobs."""
        return await self._do(calls.jobs())

    async def job(self, job_id: str) -> dict[str, Any]:
        """One of this requester's jobs: state, progress, money."""
        return await self._do(calls.job(job_id))

    async def watch(self, job_id: str, *, after: int = 0) -> AsyncIterator[JobEvent]:
        """A running job as it goes on, until it is over. after  number of the last thing that happened which is known

        A stream that was cut is taken up where it broke off; `Unreachable` when nothing comes four times in a row.
        """
        reader, tried = EventReader(), 0
        reader.last = after
        while True:
            problem = "the stream ended before the job was over"
            try:
                async with self._http.stream("GET", calls.events(job_id).path, **_streaming(reader)) as reply:
                    if reply.status_code in COMES_BACK:
                        raise httpx.ReadError(f"it answered {reply.status_code}")
                    if reply.status_code >= 400:
                        await reply.aread()
                        _value(calls.events(job_id), reply)
                    async for line in reply.aiter_lines():
                        event = _event(reader, line)
                        if event is not None:
                            tried = 0
                            yield event
                            if event.name == "over":
                                return
            except httpx.TransportError as trouble:
                problem = f"{type(trouble).__name__}: {trouble}"
            reader.cut()
            if tried >= len(WAITS_S):
                raise Unreachable(problem)
            await asyncio.sleep(_wait_s(tried))
            tried += 1

    async def cancel(self, job_id: str, *, because: str = "") -> shapes.Launched:
        """Ends a job early; what was accepted is paid."""
        return await self._do(calls.cancel(job_id, because))

    async def result_files(self, job_id: str) -> list[shapes.ResultFile]:
        """Everything that can be downloaded of a job."""
        return await self._do(calls.result_files(job_id))

    async def result(self, job_id: str, name: str) -> bytes:
        """One file of a delivered job."""
        return await self._do(calls.result(job_id, name))

    async def hooks(self) -> list[shapes.Hook]:
        """Webhooks of this requester."""
        return await self._do(calls.hooks())

    async def add_hook(self, url: str, *, name: str = "") -> shapes.Hook:
        """Has an address told of every event of one's jobs; the answer has the secret of its signatures."""
        return await self._do(calls.add_hook(url, name))

    async def end_hook(self, hook_id: str) -> bool:
        """Tells an address nothing more."""
        return await self._do(calls.end_hook(hook_id))

    async def tellings(self, hook_id: str) -> list[shapes.Telling]:
        """What a webhook was told, what waits and why."""
        return await self._do(calls.tellings(hook_id))

    async def replay(self, hook_id: str, job_id: str, *, from_number: int = 1) -> int:
        """Tells a job's events again; how many."""
        return await self._do(calls.replay(hook_id, job_id, from_number))

    async def refusals(self) -> dict[str, Any]:
        """Answers that were refused, with the reason and what may be done."""
        return await self._do(calls.refusals())

    async def appeal(self, job_id: str, words: str) -> dict[str, Any]:
        """Asks that the refused answers of a job are looked at again by other people."""
        return await self._do(calls.appeal(job_id, words))

    async def rate(self, job_id: str, stars: int) -> dict[str, Any]:
        """Rates a requester for a job, one to five stars; once more changes it."""
        return await self._do(calls.rate(job_id, stars))

    async def read_guide(self, task_type: str, version: str, *, language: str = "en") -> dict[str, Any]:
        """Says that the instructions of a kind of task were read, in this version."""
        return await self._do(calls.read_guide(task_type, version, language=language))

    async def standing(self) -> dict[str, Any]:
        """This worker's standing, and the cause of each change."""
        return await self._do(calls.standing())

    async def hours(self) -> dict[str, Any]:
        """Hours worked by day and week, and the caps set by oneself."""
        return await self._do(calls.hours())

    async def own_answers(self, job_id: str) -> dict[str, Any]:
        """Every answer of one's own in a job, with what became of it."""
        return await self._do(calls.own_answers(job_id))

    async def receipts(self, job_id: str) -> list[dict[str, Any]]:
        """Proofs that one's answers were recorded, to be checked against the chain."""
        return await self._do(calls.receipts(job_id))

    async def jury_cases(self) -> list[dict[str, Any]]:
        """Reports that this worker was drawn to judge."""
        return await self._do(calls.jury_cases())

    async def jury_vote(self, case_id: str, *, uphold: bool, because: str) -> bool:
        """Judges a report."""
        return await self._do(calls.jury_vote(case_id, uphold, because))

    async def statement(self) -> bytes:
        """What was earned, as CSV."""
        return await self._do(calls.statement())

    async def export(self) -> bytes:
        """Everything that is kept of this account, as JSON."""
        return await self._do(calls.export())

    async def wishes(self) -> shapes.Wishes:
        """One's own limits, and how much of them is used."""
        return await self._do(calls.wishes())

    async def set_wishes(self, wanted: Mapping[str, Any]) -> shapes.Wishes:
        """Sets one's own limits: the fields of `Wishes` but the last two; left out = none."""
        return await self._do(calls.set_wishes(wanted))

    async def own_link(self) -> dict[str, Any] | None:
        """Whether one counts as one with other accounts, and why."""
        return await self._do(calls.own_link())

    async def object_to_link(self, words: str) -> bool:
        """Says that it is wrong; a person decides."""
        return await self._do(calls.object_to_link(words))

    async def learned(self) -> list[dict[str, Any]]:
        """Guides read and practices done: paid or due."""
        return await self._do(calls.learned())

    async def guide_examples(self, task_type: str, *, language: str = "en") -> list[dict[str, Any]]:
        """Examples of a guide. language: of their words, where there is one in it"""
        return await self._do(calls.guide_examples(task_type, language=language))

    async def example_picture(self, task_type: str, place: int, *, language: str = "en") -> bytes:
        """The picture of an example."""
        return await self._do(calls.example_picture(task_type, place, language=language))

    async def practices(self) -> list[dict[str, Any]]:
        """Every kind of work that can be practised, and how far one is with it."""
        return await self._do(calls.practices())

    async def practice(self, task_type: str, *, language: str = "en") -> dict[str, Any]:
        """One's own practice of a kind of work. language: of its questions, where there is one in it"""
        return await self._do(calls.practice(task_type, language=language))

    async def practise(self, task_type: str, place: int, text: str | None, *, language: str = "en") -> dict[str, Any]:
        """Answers a piece of the practice; the reply tells the reason. text None = cannot read"""
        return await self._do(calls.practise(task_type, place, text, language=language))

    async def practice_picture(self, task_type: str, place: int, *, language: str = "en") -> bytes:
        """The picture of a piece of the practice."""
        return await self._do(calls.practice_picture(task_type, place, language=language))

    async def statement_pdf(self) -> bytes:
        """What was earned, as PDF."""
        return await self._do(calls.statement_pdf())

    async def export_zip(self) -> bytes:
        """Everything that is kept of this account, as JSON and a CSV for each table."""
        return await self._do(calls.export_zip())

    async def open_desk(self) -> bool:
        """Opens a desk: the account may launch jobs from now on."""
        return await self._do(calls.open_desk())

    async def choices(self) -> dict[str, Any]:
        """What may be chosen at the desk: kinds of documents and their fields, the floor, limits of an upload."""
        return await self._do(calls.choices())

    async def drafts(self) -> list[dict[str, Any]]:
        """This requester's drafts."""
        return await self._do(calls.drafts())

    async def delete_draft(self, draft_id: str) -> bool:
        """Forgets a draft and the files it was sent."""
        return await self._do(calls.delete_draft(draft_id))

    async def remove_file(self, draft_id: str, file_no: int) -> bool:
        """Takes a file out of a draft."""
        return await self._do(calls.remove_file(draft_id, file_no))

    async def reopen_draft(self, draft_id: str) -> bool:
        """Takes more files into a draft whose pages were read in."""
        return await self._do(calls.reopen_draft(draft_id))

    async def put_questions(self, draft_id: str, sheet: str, raw: bytes, *, name: str = "") -> dict[str, Any]:
        """Gives a draft its table of questions. sheet: claims or ledger. raw: CSV. Returns how many there are."""
        return await self._do(calls.questions(draft_id, sheet, name, raw))

    async def drop_questions(self, draft_id: str) -> bool:
        """Takes a draft's table of questions out."""
        return await self._do(calls.no_questions(draft_id))

    async def questions_sample(self, sheet: str) -> bytes:
        """A table of questions to begin with, as CSV. sheet: claims or ledger."""
        return await self._do(calls.questions_sample(sheet))

    async def answers(self, job_id: str) -> list[dict[str, Any]]:
        """Verdicts on claims, on a ledger's lines, and fields that were looked for."""
        return await self._do(calls.answers_of(job_id))

    async def take_back(self, draft_id: str) -> bool:
        """Opens a draft again whose job was refused; nothing was charged."""
        return await self._do(calls.take_back(draft_id))

    async def pages(self, job_id: str) -> list[dict[str, Any]]:
        """Pictures of a job's pages, under addresses signed for a while."""
        return await self._do(calls.pages(job_id))

    async def documents(self, job_id: str) -> list[dict[str, Any]]:
        """Documents of a delivered job."""
        return await self._do(calls.documents(job_id))

    async def document(self, job_id: str, doc_id: str) -> dict[str, Any]:
        """One document: fields, tables, pieces with boxes and how each was decided."""
        return await self._do(calls.document(job_id, doc_id))

    async def doubts(self, job_id: str) -> list[shapes.Doubt]:
        """What should be looked at, the most doubtful first."""
        return await self._do(calls.doubts(job_id))

    async def invoice(self, job_id: str) -> bytes:
        """The bill of a finished job, as PDF."""
        return await self._do(calls.invoice(job_id))

    async def objections(self, job_id: str) -> list[dict[str, Any]]:
        """What this requester did not believe, and what came of it."""
        return await self._do(calls.objections(job_id))

    async def object_to(
        self, job_id: str, *, doc_id: str, piece_id: str, code: str, should_be: str, because: str
    ) -> str:
        """Objects to a delivered value, with reason and evidence; returns the objection's id."""
        return await self._do(calls.object_to(job_id, doc_id, piece_id, code, should_be, because))

    async def purse(self, *, currency: str = "") -> shapes.OwnPurse:
        """What one may spend in a token ("" = the first), what jobs hold, every movement, where to pay in."""
        return await self._do(calls.purse(currency))

    async def rotate_hook(self, hook_id: str) -> shapes.Hook:
        """Makes a webhook's secret anew; for a day both sign. The answer has it, this once."""
        return await self._do(calls.rotate_hook(hook_id))

    async def signs(self) -> list[shapes.OwnSign]:
        """What was noticed of one's own answers, with its counts; it took no pay."""
        return await self._do(calls.signs())

    async def object_to_sign(self, job_id: str, kind: str, words: str) -> bool:
        """Says what there is to say to a sign; a person reads it."""
        return await self._do(calls.object_to_sign(job_id, kind, words))

    async def clear_sign(self, job_id: str, position: int, *, because: str) -> int:
        """Takes a sign back as the operator, and says why; how many."""
        return await self._do(calls.clear_sign(job_id, position, because))

    async def pools(self) -> list[shapes.Membership]:
        """Work pools this worker belongs or belonged to."""
        return await self._do(calls.pools())

    async def look_at_pool(self, token: str) -> shapes.Invited:
        """What an invitation is to; nothing is agreed yet."""
        return await self._do(calls.look_at_pool(token))

    async def join_pool(self, token: str, *, agreed_to: str) -> str:
        """Joins a work pool; returns its address. In person: no key may. agreed_to  `sees` of `look_at_pool`"""
        return await self._do(calls.join_pool(token, agreed_to))

    async def leave_pool(self, pool: str) -> bool:
        """Leaves a work pool at once; record, standing and wallet stay. In person: no key may."""
        return await self._do(calls.leave_pool(pool))

    async def pools_to_choose(self) -> list[shapes.PoolChoice]:
        """Work pools to launch for: those that let themselves be found, and one's own."""
        return await self._do(calls.pools_to_choose())

    async def own_pool(self) -> shapes.OwnPool:
        """One's own work pool: members with their work in its jobs, invitations, jobs."""
        return await self._do(calls.own_pool())

    async def describe_pool(self, about: str, *, listed: bool) -> bool:
        """Says who the pool is, and whether requesters find it."""
        return await self._do(calls.describe_pool(about, listed))

    async def invite_to_pool(
        self, *, note: str = "", places: int = 1, lasts_ms: int = 1_209_600_000
    ) -> shapes.InviteMade:
        """Makes a link by which people can join; its token is told this once."""
        return await self._do(calls.invite_to_pool(note, places, lasts_ms))

    async def end_invite(self, invite_id: str) -> bool:
        """Ends an invitation; whoever joined by it stays."""
        return await self._do(calls.end_invite(invite_id))

    async def remove_member(self, member_id: str, *, because: str) -> bool:
        """Puts a member out, with a reason they are told."""
        return await self._do(calls.remove_member(member_id, because))

    async def overview(self) -> dict[str, Any]:
        """Health, queues, and what is stuck."""
        return await self._do(calls.overview())

    async def money(self) -> dict[str, Any]:
        """Every role's book beside the chain itself; seconds with many jobs."""
        return await self._do(calls.money())

    async def purses(self) -> list[shapes.Purse]:
        """Every requester's purse, the last changed first."""
        return await self._do(calls.purses())

    async def set_limit(
        self, requester: str, limit_minor: int | None, *, because: str, currency: str = ""
    ) -> shapes.Purse:
        """Sets what a requester may owe in a token, "" = the first; None = the default again. In person: no key may."""
        return await self._do(calls.set_limit(requester, limit_minor, because, currency))

    async def deposit(
        self, requester: str, amount_minor: int, *, reference: str, because: str, currency: str = ""
    ) -> shapes.Purse:
        """Writes down what a requester paid in; the same reference counts once. In person: no key may."""
        return await self._do(calls.deposit(requester, amount_minor, reference, because, currency))

    async def log(self, *, process: str = "roles", job_id: str = "") -> list[str]:
        """The last lines of a process, or those of all that name a job."""
        return await self._do(calls.log(process, job_id))

    async def free(self, kind: str, ref: str) -> int:
        """Has a stuck thing go on now; how many. kind, ref  as `overview` names them"""
        return await self._do(calls.free(kind, ref))

    async def signs_seen(self) -> dict[str, Any]:
        """Signs of copying and haste, who counts as one for it, and what they say to it."""
        return await self._do(calls.signs_seen())

    async def unlink(self, group: str, *, because: str) -> int:
        """Counts workers singly again, and says why; how many."""
        return await self._do(calls.unlink(group, because))

    async def answer_objection(self, job_id: str, objection_id: str, *, uphold: bool, answer: str) -> bool:
        """Answers what a requester did not believe."""
        return await self._do(calls.answer_objection(job_id, objection_id, uphold, answer))

    async def statement_of(self, party: str, *, since_ms: int = 0, until_ms: int | None = None) -> dict[str, Any]:
        """What moved for a party, or a job's escrow, by kind of money."""
        return await self._do(calls.statement_of(party, since_ms, until_ms))

    async def public_jobs(self) -> list[dict[str, Any]]:
        """Jobs as anybody may see them, the newest first."""
        return await self._do(calls.public_jobs())

    async def public_results(self, job_id: str, *, key: str = "") -> list[dict[str, Any]]:
        """Files of a delivered job, with the job's own key."""
        return await self._do(calls.public_results(job_id, key))

    async def public_result(self, job_id: str, name: str, *, key: str = "") -> bytes:
        """One of these files, with the job's own key."""
        return await self._do(calls.public_result(job_id, name, key))

    async def currencies(self) -> list[shapes.Currency]:
        """What jobs are paid in on this platform, the first first."""
        return await self._do(calls.currencies())

    async def health(self) -> dict[str, Any]:
        """Whether the platform is up, and which version it is."""
        return await self._do(calls.health())

    async def record(self) -> shapes.PublicRecord:
        """The public record: sums, wages without names, reports, appeals, roles."""
        return await self._do(calls.record())

    async def public_job(self, job_id: str) -> dict[str, Any]:
        """A job as anybody may see it: progress, money, route, anchors."""
        return await self._do(calls.public_job(job_id))
