"""Every request of the API as a value: method, path, body, what comes back, and whether it may be asked twice. Pure.

>>> claim("job-1", 5).path
'/api/jobs/job-1/claim'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from . import shapes

T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. inside = the field of the answer that is meant, "" = the whole; again = twice has one effect."""

    method: str
    path: str
    returns: type[T]
    body: Any = None
    inside: str = ""
    again: bool = True
    query: Mapping[str, str] | None = None
    raw: bytes | None = None


def _at(*parts: str | int) -> str:
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


# --- account -------------------------------------------------------------------------------------------------------


def sign_up(name: str, password: str, role: str, *, simulated: bool) -> Call[shapes.Account]:
    body = {"name": name, "password": password, "role": role, "simulated": simulated}
    return Call("POST", _at("sign-up"), shapes.Account, body)


def sign_in(name: str, password: str) -> Call[shapes.Account]:
    return Call("POST", _at("sign-in"), shapes.Account, {"name": name, "password": password})


def wallet_message(address: str) -> Call[str]:
    return Call("POST", _at("sign-in", "wallet", "begin"), str, {"address": address}, "message")


def sign_in_with_wallet(message: str, signature: str, name: str, role: str) -> Call[shapes.Account]:
    body = {"message": message, "signature": signature, "name": name, "role": role}
    return Call("POST", _at("sign-in", "wallet"), shapes.Account, body, again=False)


def sign_out() -> Call[bool]:
    return Call("POST", _at("sign-out"), bool, {}, "done")


def me() -> Call[shapes.Account]:
    return Call("GET", _at("me"), shapes.Account)


def account() -> Call[shapes.OwnAccount]:
    return Call("GET", _at("account"), shapes.OwnAccount)


def ways_in() -> Call[shapes.WaysOffered]:
    return Call("GET", _at("ways-in"), shapes.WaysOffered)


def ask_for_link(email: str, role: str) -> Call[bool]:
    return Call("POST", _at("sign-in", "email", "begin"), bool, {"email": email, "role": role}, "done", again=False)


def sign_in_with_link(token: str) -> Call[shapes.Account]:
    return Call("POST", _at("sign-in", "link"), shapes.Account, {"token": token}, again=False)


def passkey_for_new_account(name: str, role: str) -> Call[dict[str, Any]]:
    body = {"name": name, "role": role}
    return Call("POST", _at("sign-up", "passkey", "begin"), dict[str, Any], body, "options")


def sign_up_with_passkey(credential: Mapping[str, Any], label: str) -> Call[shapes.Account]:
    body = {"credential": dict(credential), "label": label}
    return Call("POST", _at("sign-up", "passkey"), shapes.Account, body, again=False)


def passkey_to_sign_in() -> Call[dict[str, Any]]:
    return Call("POST", _at("sign-in", "passkey", "begin"), dict[str, Any], {}, "options")


def sign_in_with_passkey(credential: Mapping[str, Any]) -> Call[shapes.Account]:
    body = {"credential": dict(credential)}
    return Call("POST", _at("sign-in", "passkey"), shapes.Account, body, again=False)


def passkey_to_add() -> Call[dict[str, Any]]:
    return Call("POST", _at("account", "passkeys", "begin"), dict[str, Any], {}, "options")


def add_passkey(credential: Mapping[str, Any], label: str) -> Call[bool]:
    body = {"credential": dict(credential), "label": label}
    return Call("POST", _at("account", "passkeys"), bool, body, "done", again=False)


def end_passkey(passkey_id: str) -> Call[bool]:
    return Call("POST", _at("account", "passkeys", passkey_id, "end"), bool, {}, "done", again=False)


def set_password(password: str) -> Call[bool]:
    return Call("POST", _at("account", "password"), bool, {"password": password}, "done")


def take_role(role: str) -> Call[shapes.Account]:
    return Call("POST", _at("account", "roles"), shapes.Account, {"role": role})


def link_wallet(message: str, signature: str) -> Call[bool]:
    body = {"message": message, "signature": signature}
    return Call("POST", _at("account", "wallets"), bool, body, "done", again=False)


def export_wallet(passphrase: str) -> Call[dict[str, Any]]:
    return Call("POST", _at("account", "wallet", "export"), dict[str, Any], {"passphrase": passphrase}, "keystore")


def leave_with_wallet(message: str, signature: str) -> Call[bool]:
    body = {"message": message, "signature": signature}
    return Call("POST", _at("account", "wallet", "leave"), bool, body, "done", again=False)


def sessions() -> Call[list[shapes.Session]]:
    return Call("GET", _at("sessions"), list[shapes.Session], inside="sessions")


def end_session(session_id: str) -> Call[bool]:
    return Call("POST", _at("sessions", session_id, "end"), bool, {}, "done", again=False)


def end_other_sessions() -> Call[int]:
    return Call("POST", _at("sessions", "end-others"), int, {}, "ended")


def make_key(name: str, scopes: Sequence[str], lasts_ms: int | None) -> Call[shapes.Key]:
    body = {"name": name, "scopes": list(scopes), "lasts_ms": lasts_ms}
    return Call("POST", _at("keys"), shapes.Key, body, again=False)


def keys() -> Call[list[shapes.Key]]:
    return Call("GET", _at("keys"), list[shapes.Key], inside="keys")


def end_key(key_id: str) -> Call[bool]:
    return Call("POST", _at("keys", key_id, "end"), bool, {}, "done")


# --- work ----------------------------------------------------------------------------------------------------------


def offers(*, language: str) -> Call[list[shapes.Offer]]:
    return Call("GET", _at("offers"), list[shapes.Offer], inside="offers", query={"language": language})


def claim(job_id: str, count: int) -> Call[shapes.Bundle]:
    return Call("POST", _at("jobs", job_id, "claim"), shapes.Bundle, {"count": count})


def submit(job_id: str, answers: Sequence[shapes.Answer]) -> Call[list[shapes.Outcome]]:
    return Call("POST", _at("jobs", job_id, "answers"), list[shapes.Outcome], {"answers": list(answers)}, "outcomes")


def give_back(job_id: str, assignment_ids: Sequence[str]) -> Call[int]:
    return Call("POST", _at("jobs", job_id, "return"), int, {"assignment_ids": list(assignment_ids)}, "returned")


def report_codes() -> Call[list[shapes.ReportCode]]:
    return Call("GET", _at("report-codes"), list[shapes.ReportCode], inside="codes")


def report(job_id: str, assignment_id: str, code: str, text: str) -> Call[str]:
    body = {"assignment_id": assignment_id, "code": code, "text": text}
    return Call("POST", _at("jobs", job_id, "reports"), str, body, "report_id")


def earnings() -> Call[shapes.Earnings]:
    return Call("GET", _at("earnings"), shapes.Earnings)


# --- jobs ----------------------------------------------------------------------------------------------------------


def begin_draft(title: str) -> Call[str]:
    return Call("POST", _at("desk", "drafts"), str, {"title": title}, "draft_id", again=False)


def draft(draft_id: str) -> Call[shapes.Draft]:
    return Call("GET", _at("desk", "drafts", draft_id), shapes.Draft)


def announce(draft_id: str, files: Sequence[tuple[str, int]]) -> Call[list[shapes.DraftFile]]:
    body = {"files": [{"name": name, "size_bytes": size_bytes} for name, size_bytes in files]}
    return Call("POST", _at("desk", "drafts", draft_id, "files"), list[shapes.DraftFile], body, "files")


def part(draft_id: str, file_no: int, offset_bytes: int, raw: bytes) -> Call[shapes.DraftFile]:
    path = _at("desk", "drafts", draft_id, "files", file_no, "part")
    return Call("PUT", path, shapes.DraftFile, query={"offset_bytes": str(offset_bytes)}, raw=raw)


def read_in(draft_id: str) -> Call[bool]:
    return Call("POST", _at("desk", "drafts", draft_id, "read-in"), bool, {}, "done")


def wish(draft_id: str, wanted: Mapping[str, Any]) -> Call[bool]:
    return Call("PUT", _at("desk", "drafts", draft_id, "wish"), bool, dict(wanted), "done")


def quote_of(draft_id: str, *, tryout: bool) -> Call[shapes.Quote]:
    query = {"tryout": "true"} if tryout else None
    return Call("GET", _at("desk", "drafts", draft_id, "quote"), shapes.Quote, query=query)


def launch(draft_id: str, agreed_minor: int, *, tryout: bool) -> Call[shapes.Launched]:
    body = {"agreed_minor": agreed_minor, "tryout": tryout}
    return Call("POST", _at("desk", "drafts", draft_id, "launch"), shapes.Launched, body)


def jobs() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs"), list[dict[str, Any]], inside="jobs")


def job(job_id: str) -> Call[dict[str, Any]]:
    return Call("GET", _at("desk", "jobs", job_id), dict[str, Any])


def events(job_id: str) -> Call[bytes]:
    return Call("GET", _at("desk", "jobs", job_id, "events"), bytes)


def cancel(job_id: str, because: str) -> Call[shapes.Launched]:
    return Call("POST", _at("desk", "jobs", job_id, "cancel"), shapes.Launched, {"because": because})


def result_files(job_id: str) -> Call[list[shapes.ResultFile]]:
    return Call("GET", _at("desk", "jobs", job_id, "files"), list[shapes.ResultFile], inside="files")


def result(job_id: str, name: str) -> Call[bytes]:
    # a file's name may hold slashes, which are the route's own
    return Call("GET", _at("desk", "jobs", job_id, "files") + "/" + quote(name), bytes)


# --- webhooks ------------------------------------------------------------------------------------------------------


def hooks() -> Call[list[shapes.Hook]]:
    return Call("GET", _at("webhooks"), list[shapes.Hook], inside="hooks")


def add_hook(url: str, name: str) -> Call[shapes.Hook]:
    return Call("POST", _at("webhooks"), shapes.Hook, {"url": url, "name": name}, again=False)


def end_hook(hook_id: str) -> Call[bool]:
    return Call("POST", _at("webhooks", hook_id, "end"), bool, {}, "done")


def tellings(hook_id: str) -> Call[list[shapes.Telling]]:
    return Call("GET", _at("webhooks", hook_id, "tellings"), list[shapes.Telling], inside="tellings")


def replay(hook_id: str, job_id: str, from_number: int) -> Call[int]:
    body = {"job_id": job_id, "from_number": from_number}
    return Call("POST", _at("webhooks", hook_id, "replay"), int, body, "events")


# --- a worker's own record ------------------------------------------------------------------------------------------


def refusals() -> Call[dict[str, Any]]:
    return Call("GET", _at("refusals"), dict[str, Any])


def appeal(job_id: str, words: str) -> Call[dict[str, Any]]:
    return Call("POST", _at("jobs", job_id, "appeal"), dict[str, Any], {"words": words})


def rate(job_id: str, stars: int) -> Call[dict[str, Any]]:
    return Call("POST", _at("jobs", job_id, "rating"), dict[str, Any], {"stars": stars})


def read_guide(task_type: str, version: str, *, language: str) -> Call[dict[str, Any]]:
    return Call("POST", _at("guides", task_type, "read"), dict[str, Any], {"version": version, "language": language})


def standing() -> Call[dict[str, Any]]:
    return Call("GET", _at("standing"), dict[str, Any])


def hours() -> Call[dict[str, Any]]:
    return Call("GET", _at("hours"), dict[str, Any])


def own_answers(job_id: str) -> Call[dict[str, Any]]:
    return Call("GET", _at("own", "answers", job_id), dict[str, Any])


def receipts(job_id: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("receipts", job_id), list[dict[str, Any]])


def jury_cases() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("jury"), list[dict[str, Any]], inside="cases")


def jury_vote(case_id: str, uphold: bool, because: str) -> Call[bool]:
    return Call("POST", _at("jury", case_id, "vote"), bool, {"uphold": uphold, "because": because}, "done")


def statement() -> Call[bytes]:
    return Call("GET", _at("statement.csv"), bytes)


def export() -> Call[bytes]:
    return Call("GET", _at("export.json"), bytes)


def wishes() -> Call[shapes.Wishes]:
    return Call("GET", _at("wishes"), shapes.Wishes)


def set_wishes(wanted: Mapping[str, Any]) -> Call[shapes.Wishes]:
    return Call("POST", _at("wishes"), shapes.Wishes, dict(wanted))


def own_link() -> Call[dict[str, Any] | None]:
    return Call("GET", _at("own", "link"), dict[str, Any] | None, inside="link")  # type: ignore[arg-type]


def object_to_link(words: str) -> Call[bool]:
    return Call("POST", _at("own", "link"), bool, {"words": words}, "done")


def learned() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("learned"), list[dict[str, Any]], inside="learned")


def guide_examples(task_type: str, *, language: str) -> Call[list[dict[str, Any]]]:
    where = _at("guides", task_type, "examples")
    return Call("GET", where, list[dict[str, Any]], inside="examples", query={"language": language})


def example_picture(task_type: str, place: int, *, language: str) -> Call[bytes]:
    return Call("GET", _at("guides", task_type, "examples", place), bytes, query={"language": language})


def practices() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("practice"), list[dict[str, Any]], inside="practices")


def practice(task_type: str, *, language: str) -> Call[dict[str, Any]]:
    return Call("GET", _at("practice", task_type), dict[str, Any], query={"language": language})


def practise(task_type: str, place: int, text: str | None, *, language: str) -> Call[dict[str, Any]]:
    body = {"place": place, "text": text}
    return Call("POST", _at("practice", task_type, "answer"), dict[str, Any], body, query={"language": language})


def practice_picture(task_type: str, place: int, *, language: str) -> Call[bytes]:
    return Call("GET", _at("practice", task_type, "pictures", place), bytes, query={"language": language})


def statement_pdf() -> Call[bytes]:
    return Call("GET", _at("statement.pdf"), bytes)


def export_zip() -> Call[bytes]:
    return Call("GET", _at("export.zip"), bytes)


# --- a requester's desk ---------------------------------------------------------------------------------------------


def open_desk() -> Call[bool]:
    return Call("POST", _at("desk", "open"), bool, {}, "done")


def choices() -> Call[dict[str, Any]]:
    return Call("GET", _at("desk", "choices"), dict[str, Any])


def drafts() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs"), list[dict[str, Any]], inside="drafts")


def delete_draft(draft_id: str) -> Call[bool]:
    return Call("DELETE", _at("desk", "drafts", draft_id), bool, inside="done")


def remove_file(draft_id: str, file_no: int) -> Call[bool]:
    return Call("DELETE", _at("desk", "drafts", draft_id, "files", file_no), bool, inside="done")


def reopen_draft(draft_id: str) -> Call[bool]:
    return Call("POST", _at("desk", "drafts", draft_id, "reopen"), bool, {}, "done")


def take_back(draft_id: str) -> Call[bool]:
    return Call("POST", _at("desk", "drafts", draft_id, "take-back"), bool, {}, "done")


def pages(job_id: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs", job_id, "pages"), list[dict[str, Any]], inside="pages")


def documents(job_id: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs", job_id, "documents"), list[dict[str, Any]], inside="documents")


def document(job_id: str, doc_id: str) -> Call[dict[str, Any]]:
    return Call("GET", _at("desk", "jobs", job_id, "documents", doc_id), dict[str, Any])


def questions(draft_id: str, sheet: str, name: str, raw: bytes) -> Call[dict[str, Any]]:
    path = _at("desk", "drafts", draft_id, "questions", sheet)
    return Call("PUT", path, dict[str, Any], query={"name": name}, raw=raw)


def no_questions(draft_id: str) -> Call[bool]:
    return Call("DELETE", _at("desk", "drafts", draft_id, "questions"), bool, inside="done")


def questions_sample(sheet: str) -> Call[bytes]:
    return Call("GET", _at("desk", "samples", f"{sheet}.csv"), bytes)


def answers_of(job_id: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs", job_id, "answers"), list[dict[str, Any]], inside="answers")


def doubts(job_id: str) -> Call[list[shapes.Doubt]]:
    return Call("GET", _at("desk", "jobs", job_id, "doubts"), list[shapes.Doubt], inside="doubts")


def invoice(job_id: str) -> Call[bytes]:
    return Call("GET", _at("desk", "jobs", job_id, "invoice.pdf"), bytes)


def objections(job_id: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("desk", "jobs", job_id, "objections"), list[dict[str, Any]], inside="objections")


def object_to(job_id: str, doc_id: str, piece_id: str, code: str, should_be: str, because: str) -> Call[str]:
    return Call(
        "POST",
        _at("desk", "jobs", job_id, "objections"),
        str,
        {"doc_id": doc_id, "piece_id": piece_id, "code": code, "should_be": should_be, "because": because},
        "objection_id",
    )


def purse(currency: str) -> Call[shapes.OwnPurse]:
    return Call("GET", _at("desk", "purse"), shapes.OwnPurse, query={"currency": currency} if currency else None)


def rotate_hook(hook_id: str) -> Call[shapes.Hook]:
    return Call("POST", _at("webhooks", hook_id, "rotate"), shapes.Hook, {}, again=False)


def signs() -> Call[list[shapes.OwnSign]]:
    return Call("GET", _at("own", "signs"), list[shapes.OwnSign], inside="signs")


def object_to_sign(job_id: str, kind: str, words: str) -> Call[bool]:
    return Call("POST", _at("own", "signs", job_id, kind), bool, {"words": words}, "done")


def clear_sign(job_id: str, position: int, because: str) -> Call[int]:
    body = {"job_id": job_id, "position": position, "because": because}
    return Call("POST", _at("operator", "signs", "clear"), int, body, "freed", again=False)


# --- work pools -----------------------------------------------------------------------------------------------------


def pools() -> Call[list[shapes.Membership]]:
    return Call("GET", _at("pools"), list[shapes.Membership], inside="pools")


def look_at_pool(token: str) -> Call[shapes.Invited]:
    return Call("POST", _at("pools", "look"), shapes.Invited, {"token": token})


def join_pool(token: str, agreed_to: str) -> Call[str]:
    return Call("POST", _at("pools", "join"), str, {"token": token, "agreed_to": agreed_to}, "pool")


def leave_pool(pool: str) -> Call[bool]:
    return Call("POST", _at("pools", pool, "leave"), bool, {}, "done", again=False)


def pools_to_choose() -> Call[list[shapes.PoolChoice]]:
    return Call("GET", _at("desk", "pools"), list[shapes.PoolChoice], inside="pools")


def own_pool() -> Call[shapes.OwnPool]:
    return Call("GET", _at("pool"), shapes.OwnPool)


def describe_pool(about: str, listed: bool) -> Call[bool]:
    return Call("PUT", _at("pool"), bool, {"about": about, "listed": listed}, "done")


def invite_to_pool(note: str, places: int, lasts_ms: int) -> Call[shapes.InviteMade]:
    body = {"note": note, "places": places, "lasts_ms": lasts_ms}
    return Call("POST", _at("pool", "invites"), shapes.InviteMade, body, again=False)


def end_invite(invite_id: str) -> Call[bool]:
    return Call("POST", _at("pool", "invites", invite_id, "end"), bool, {}, "done")


def remove_member(member_id: str, because: str) -> Call[bool]:
    return Call("POST", _at("pool", "members", member_id, "remove"), bool, {"because": because}, "done", again=False)


# --- an operator's --------------------------------------------------------------------------------------------------


def overview() -> Call[dict[str, Any]]:
    return Call("GET", _at("operator", "overview"), dict[str, Any])


def money() -> Call[dict[str, Any]]:
    return Call("GET", _at("operator", "money"), dict[str, Any])


def purses() -> Call[list[shapes.Purse]]:
    return Call("GET", _at("operator", "purses"), list[shapes.Purse], inside="purses")


def set_limit(requester: str, limit_minor: int | None, because: str, currency: str) -> Call[shapes.Purse]:
    return Call(
        "PUT",
        _at("operator", "purses", requester, "limit"),
        shapes.Purse,
        {"limit_minor": limit_minor, "currency": currency, "because": because},
    )


def deposit(requester: str, amount_minor: int, reference: str, because: str, currency: str) -> Call[shapes.Purse]:
    return Call(
        "POST",
        _at("operator", "purses", requester, "deposits"),
        shapes.Purse,
        {"amount_minor": amount_minor, "currency": currency, "reference": reference, "because": because},
    )


def log(process: str, job_id: str) -> Call[list[str]]:
    query = {"process": process, "job_id": job_id}
    return Call("GET", _at("operator", "log"), list[str], inside="lines", query=query)


def free(kind: str, ref: str) -> Call[int]:
    return Call("POST", _at("operator", "free"), int, {"kind": kind, "ref": ref}, "freed", again=False)


def signs_seen() -> Call[dict[str, Any]]:
    return Call("GET", _at("operator", "signs"), dict[str, Any])


def unlink(group: str, because: str) -> Call[int]:
    return Call("POST", _at("operator", "unlink"), int, {"group": group, "because": because}, "freed", again=False)


def answer_objection(job_id: str, objection_id: str, uphold: bool, answer: str) -> Call[bool]:
    body = {"job_id": job_id, "objection_id": objection_id, "uphold": uphold, "answer": answer}
    return Call("POST", _at("operator", "objections"), bool, body, "done", again=False)


def statement_of(party: str, since_ms: int, until_ms: int | None) -> Call[dict[str, Any]]:
    query = {"party": party, "since_ms": str(since_ms)}
    if until_ms is not None:
        query["until_ms"] = str(until_ms)
    return Call("GET", _at("operator", "statement"), dict[str, Any], query=query)


# --- anybody's ------------------------------------------------------------------------------------------------------


def record() -> Call[shapes.PublicRecord]:
    return Call("GET", _at("record"), shapes.PublicRecord)


def public_job(job_id: str) -> Call[dict[str, Any]]:
    return Call("GET", _at("jobs", job_id), dict[str, Any])


def public_jobs() -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("jobs"), list[dict[str, Any]], inside="jobs")


def public_results(job_id: str, key: str) -> Call[list[dict[str, Any]]]:
    return Call("GET", _at("jobs", job_id, "results"), list[dict[str, Any]], inside="files", query={"key": key})


def public_result(job_id: str, name: str, key: str) -> Call[bytes]:
    return Call("GET", _at("jobs", job_id, "results") + "/" + quote(name), bytes, query={"key": key})


def currencies() -> Call[list[shapes.Currency]]:
    return Call("GET", _at("currencies"), list[shapes.Currency], inside="currencies")


def health() -> Call[dict[str, Any]]:
    return Call("GET", _at("health"), dict[str, Any])
