"""What an appeal's votes come to, so that every party counts them for itself. Pure.

Rules kept here
- A vote is a sentence signed by the juror's own wallet; whoever pays checks the signatures, not the teller.
- More than half of those drawn decide. When the time is over, the votes that came decide.
- Where nobody could be found, or the votes are even, doubt is the worker's.

>>> vote_text("job-1", "a1", grant=True)
b'Manyhands: appeal a1 in job job-1 is granted, the answers are honest work.'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .errors import ProtocolError
from .messages import AppealRuled, AppealVote
from .signing import recover_signer


class BadRuling(ProtocolError):
    """A ruling that does not follow from its signatures."""

    def __init__(self, appeal_id: str, problem: str) -> None:
        self.appeal_id, self.problem = appeal_id, problem
        super().__init__(f"ruling of appeal {appeal_id}: {problem}")


class Outcome(NamedTuple):
    """granted, whether a jury was heard, and why in words."""

    granted: bool
    heard: bool
    because: str


def vote_text(job_id: str, appeal_id: str, *, grant: bool) -> bytes:
    """What a juror signs, as a personal message."""
    said = "granted, the answers are honest work" if grant else "denied, the answers are not honest work"
    return f"Manyhands: appeal {appeal_id} in job {job_id} is {said}.".encode()


def signed_by_juror(job_id: str, appeal_id: str, vote: AppealVote) -> bool:
    """Whether the vote carries its juror's own signature."""
    return recover_signer(vote_text(job_id, appeal_id, grant=vote.grant), vote.signature) == vote.juror


def outcome_of(jurors: Sequence[str], votes: Iterable[AppealVote], *, time_is_over: bool) -> Outcome | None:
    """What the votes decide; None as long as they decide nothing. Each juror counts once.

    >>> outcome_of(["a", "b", "c"], [], time_is_over=False) is None
    True
    >>> outcome_of([], [], time_is_over=True)
    Outcome(granted=True, heard=False, because="nobody could be found to judge it in time: doubt is the worker's")
    """
    by_juror = {vote.juror: vote.grant for vote in votes if vote.juror in jurors}
    grants = sum(by_juror.values())
    denials = len(by_juror) - grants
    told = f"{grants} of {len(jurors)} jurors found honest work, {denials} did not"
    if 2 * grants > len(jurors) or 2 * denials > len(jurors):
        return Outcome(grants > denials, True, told)
    if not time_is_over:
        return None
    if not by_juror:
        return Outcome(True, False, "nobody could be found to judge it in time: doubt is the worker's")
    return Outcome(grants >= denials, True, f"{told} when the time was over")


def check_ruling(ruling: AppealRuled) -> None:
    """raises BadRuling where a vote is not its juror's, or the ruling is not what the votes give"""
    for vote in ruling.votes:
        if vote.juror not in ruling.jurors:
            raise BadRuling(ruling.appeal_id, f"{vote.juror} voted without having been drawn")
        if not signed_by_juror(ruling.job_id, ruling.appeal_id, vote):
            raise BadRuling(ruling.appeal_id, f"the vote of {vote.juror} is not signed by the juror")
    if len({vote.juror for vote in ruling.votes}) != len(ruling.votes):
        raise BadRuling(ruling.appeal_id, "a juror voted twice")
    if ruling.worker in ruling.jurors:
        raise BadRuling(ruling.appeal_id, "the worker judged the own appeal")
    found = outcome_of(ruling.jurors, ruling.votes, time_is_over=True)
    assert found is not None
    if (found.granted, found.heard) != (ruling.granted, ruling.heard):
        raise BadRuling(ruling.appeal_id, f"it says granted = {ruling.granted}, the votes say {found.granted}")
    if not set(ruling.jurors_paid_minor) <= {vote.juror for vote in ruling.votes}:
        raise BadRuling(ruling.appeal_id, "somebody is paid who did not vote")
