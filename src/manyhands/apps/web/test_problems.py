"""How errors leave the site."""

from __future__ import annotations

import msgspec
import pytest

from manyhands.protocol.errors import BadSignature, IllegalMove, ManyhandsError
from manyhands.roles.exchange.errors import JobNotOpen, NotSignedIn, TooManyAttempts
from manyhands.roles.launcher.errors import UnknownJob
from manyhands.store.errors import NoSuchBlob

from .problems import NotFound, TooLarge, code_of, problem_response, status_of
from .site import may_read_results, requester_key


class SomethingElse(ManyhandsError):
    """An error that nobody gave a status."""


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (NotSignedIn(), 401, "not_signed_in"),
        (TooManyAttempts(wait_ms=60_000), 429, "too_many_attempts"),
        (JobNotOpen("j", "settled"), 409, "job_not_open"),
        (UnknownJob("j"), 404, "unknown_job"),
        (NoSuchBlob("j/0.png"), 404, "no_such_blob"),
        (NotFound("page"), 404, "not_found"),
        (TooLarge(1), 413, "too_large"),
        (IllegalMove("job j", "open", "fund"), 409, "illegal_move"),
        (BadSignature("m", claimed="0x1", recovered=None), 401, "bad_signature"),
        (SomethingElse("no"), 400, "something_else"),
    ],
)
def test_an_error_keeps_its_code_and_finds_its_status(problem: ManyhandsError, status: int, code: str) -> None:
    assert (status_of(problem), code_of(problem)) == (status, code)


def test_a_refusal_says_what_happened_and_what_to_do() -> None:
    told = msgspec.json.decode(problem_response(NotSignedIn()).body)
    assert set(told["error"]) == {"code", "message", "cure", "message_said", "cure_said"}
    assert told["error"]["message"]
    assert told["error"]["cure"]


def test_results_open_to_the_requesters_key_of_that_job_alone() -> None:
    secret = b"s" * 32
    key = requester_key(secret, "job-1")
    assert may_read_results(secret, "job-1", key)
    assert not may_read_results(secret, "job-2", key)
    assert not may_read_results(secret, "job-1", "")
    assert not may_read_results(secret, "job-1", key[:-1] + "x")


def test_results_of_a_site_without_secret_are_open() -> None:
    assert may_read_results(b"", "job-1", "")
