"""What the exchange refuses, with the cure in words for the person who meets it.

`code` is short and stable: programs look at it, people read the sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from manyhands.protocol.errors import ManyhandsError, ProtocolError


class ExchangeError(ManyhandsError):
    """Base of what is refused to a worker or requester. status: the HTTP status that says the same."""

    code = "refused"
    status = 400


class NotSignedIn(ExchangeError):
    """There is no session, or it has ended."""

    code, status = "not_signed_in", 401
    cure = "Sign in again; answers kept on this device are sent afterwards."

    def __init__(self) -> None:
        super().__init__("you are not signed in")


class ScoreTooLow(ExchangeError):
    """The job asks for more than what the worker's answers have shown so far."""

    code, status = "score_too_low", 403

    def __init__(self, task_type: str, *, least_bp: int, own_bp: int) -> None:
        self.task_type, self.least_bp, self.own_bp = task_type, least_bp, own_bp
        super().__init__(
            f"this job asks for a score of {least_bp / 100:g} %, yours in this kind of work is {own_bp / 100:g} %",
            cure="Other work and the practice raise it; nothing here counts against you.",
        )


class NoSuchPractice(ExchangeError):
    """This kind of work has no practice, or its practice no such piece."""

    code, status = "no_such_practice", 404
    cure = "Choose one from the list of work."

    def __init__(self, task_type: str) -> None:
        self.task_type = task_type
        super().__init__("there is no such practice")


class WrongRole(ExchangeError):
    """The account has none of the roles that this needs."""

    code, status = "wrong_role", 403

    def __init__(self, needed: Sequence[str]) -> None:
        self.needed = tuple(needed)
        super().__init__(
            f"this is for the role {' or '.join(needed)}, which your account does not have",
            cure="Take the role on your account page, or sign in with another account."
            if set(needed) & {"worker", "requester"}
            else "Ask the operator of this site for it.",
        )


class ScopeMissing(ExchangeError):
    """The key may do other things, not this."""

    code, status = "scope_missing", 403

    def __init__(self, scope: str) -> None:
        self.scope = scope
        if scope:
            super().__init__(f"this key lacks the scope {scope}", cure=f"Make a key with the scope {scope}.")
        else:
            super().__init__("this is done by a person, not with a key", cure="Sign in and do it on the account page.")


class SignInAgain(ExchangeError):
    """What is asked for needs a session that began a short while ago."""

    code, status = "sign_in_again", 403
    cure = "Sign out, sign in again and repeat it within ten minutes."

    def __init__(self) -> None:
        super().__init__("this needs a fresh sign-in")


class TicketSpent(ExchangeError):
    """A nonce, challenge or link that was used before, is too old, or never was."""

    code, status = "ticket_spent", 401

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"this {what} was used before or is too old", cure="Begin again; a new one is made at once.")


class BadProof(ExchangeError):
    """A signature, passkey or message that does not prove what it should."""

    code, status = "bad_proof", 401
    cure = "Begin again, on the site's own page."

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"this does not prove who you are: {problem}")


class AlreadyLinked(ExchangeError):
    """A passkey, wallet or e-mail address that opens an account already."""

    code, status = "already_linked", 409
    cure = "Sign in with it, or use another."

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"this {what} belongs to an account already")


class LastWay(ExchangeError):
    """Without this the person could never sign in again."""

    code, status = "last_way", 409
    cure = "Add another way to sign in first."

    def __init__(self) -> None:
        super().__init__("this is the only way into your account")


class TooManyKeys(ExchangeError):
    """More keys than anybody keeps an eye on."""

    code, status = "too_many_keys", 409
    cure = "End keys that are not used any more."

    def __init__(self, most: int) -> None:
        self.most = most
        super().__init__(f"an account has at most {most} keys")


class WalletNotKept(ExchangeError):
    """The key of this account's address is not kept here (any more)."""

    code, status = "wallet_not_kept", 409
    cure = "Use the wallet that holds it."

    def __init__(self) -> None:
        super().__init__("the key of this account's wallet is not kept here")


class WrongNameOrPassword(ExchangeError):
    """Name and password do not belong together. Which of them is wrong is not told."""

    code, status = "wrong_name_or_password", 401
    cure = "Check both and try again, or sign up."

    def __init__(self) -> None:
        super().__init__("name or password is wrong")


class TooManyAttempts(ExchangeError):
    """Too many wrong passwords for one name, or letters to one address."""

    code, status = "too_many_attempts", 429

    def __init__(self, *, wait_ms: int, what: str = "wrong passwords for this name") -> None:
        self.wait_ms, self.what = wait_ms, what
        super().__init__(f"too many {what}", cure=f"Try again in {-(-wait_ms // 60_000)} minutes.")


class NameTaken(ExchangeError):
    """Somebody has this name already."""

    code, status = "name_taken", 409
    cure = "Choose another name."

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"the name {name!r} is taken")


class BadName(ExchangeError):
    """A name that can't be shown to others."""

    code, status = "bad_name", 400

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"this name {problem}", cure="Choose 2 to 40 letters, digits, blanks, dots or dashes.")


class BadPassword(ExchangeError):
    """A password that is too short to protect an account with money in it, or absurdly long."""

    code, status = "bad_password", 400
    cure = "Choose 8 to 200 characters; three or four words are good."

    def __init__(self, length: int) -> None:
        self.length = length
        super().__init__(f"the password has {length} characters")


class SimulatedNotAllowed(ExchangeError):
    """A simulated person asked for an account where only people work."""

    code, status = "simulated_not_allowed", 403
    cure = "Start the server with a simulated crowd, or sign up as yourself."

    def __init__(self) -> None:
        super().__init__("simulated people may not sign up here")


class NoSuchJob(ExchangeError):
    """The exchange does not know the job."""

    code, status = "no_such_job", 404
    cure = "Look at the list of jobs."

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"there is no job {job_id} here")


class JobNotOpen(ExchangeError):
    """Nobody can be lent tasks of this job now."""

    code, status = "job_not_open", 409

    def __init__(self, job_id: str, state: str) -> None:
        self.job_id, self.state = job_id, state
        ended = state in {"cancelling", "finishing", "recorded", "assembled", "settled"}
        super().__init__(
            f"job {job_id} is {state}: it {'has no more' if ended else 'does not yet offer'} tasks",
            cure="Choose another job." if ended else "Come back in a minute.",
        )


class OtherCrowd(ExchangeError):
    """People and simulated people never work in one job."""

    code, status = "other_crowd", 403

    def __init__(self, job_id: str, *, job_simulated: bool) -> None:
        self.job_id, self.job_simulated = job_id, job_simulated
        whom = "simulated people" if job_simulated else "people"
        super().__init__(f"job {job_id} is for {whom} only", cure="Choose another job.")


class BadRequest(ExchangeError):
    """A request that no page of ours would send."""

    code, status = "bad_request", 400

    def __init__(self, problem: str, *, cure: str = "Send what the API reference says.") -> None:
        self.problem = problem
        super().__init__(problem, cure=cure)


class NotLinked(ExchangeError):
    """Words to a link that there is not."""

    code, status = "not_linked", 409
    cure = "There is nothing to object to: each of your answers counts."

    def __init__(self) -> None:
        super().__init__("your account is not counted as one with others")


class NotLentToYou(ExchangeError):
    """The assignment is not in this worker's hands."""

    code, status = "not_lent_to_you", 404
    cure = "Claim tasks and use their assignment ids."

    def __init__(self, assignment_id: str) -> None:
        self.assignment_id = assignment_id
        super().__init__(f"assignment {assignment_id} is not lent to you")


class AlreadyReported(ExchangeError):
    """Somebody has reported this task; it is frozen until the jury has ruled."""

    code, status = "already_reported", 409
    cure = "Nothing is to be done: the jury looks at it."

    def __init__(self, task_id: str) -> None:
        self.task_id = task_id
        super().__init__(f"task {task_id} is reported already")


class NoSuchCase(ExchangeError):
    """No jury case with this id waits for this worker."""

    code, status = "no_such_case", 404
    cure = "Look at the list of your cases."

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        super().__init__(f"no case {case_id} waits for you")


class AlreadyVoted(ExchangeError):
    """A juror's vote is signed and sent; it can't be taken back."""

    code, status = "already_voted", 409

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        super().__init__(f"you have voted the other way in case {case_id}")


class WalletUnreadable(ExchangeError):
    """The worker's key can't be decrypted: the operator's secret is another one than when the account was made."""

    code, status = "wallet_unreadable", 500
    cure = "Put the data folder's own secret file back in its place."

    def __init__(self, worker: str) -> None:
        self.worker = worker
        super().__init__(f"the wallet of {worker} can't be opened with this operator's secret")


class NotYours(ProtocolError):
    """A message about a job from a party that has no such part in it."""

    def __init__(self, job_id: str, sender: str, role: str) -> None:
        self.job_id, self.sender, self.role = job_id, sender, role
        super().__init__(f"{sender} is not the {role} of job {job_id}")


class UnknownJob(ProtocolError):
    """A message about a job that was never announced."""

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is not known here", cure="Send JobFunded first.")


class OutOfOrder(ProtocolError):
    """A message that the job's stage has no place for."""

    def __init__(self, job_id: str, message: str, problem: str) -> None:
        self.job_id, self.message_type, self.problem = job_id, message, problem
        super().__init__(f"{message} for job {job_id}: {problem}")


class StillBusy(ExchangeError):
    """Other claims hold every task for the moment."""

    code, status = "busy", 503
    cure = "Ask again in a second."

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"all tasks of job {job_id} are just being lent to others")


class NothingToAppeal(ExchangeError):
    """There is nothing left to appeal, and why."""

    code, status = "nothing_to_appeal", 409
    cure = "Your earnings page lists every refused answer with what became of it."

    def __init__(self, problem: str) -> None:
        super().__init__(problem)


class TooLateToAppeal(ExchangeError):
    """The job has ended: its money was paid out or returned."""

    code, status = "too_late_to_appeal", 409
    cure = "An appeal can be made until a day after the last refusal of a job."

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__("this job has ended")


class OwnLimitReached(ExchangeError):
    """The worker's own limit of hours is reached: nothing more is lent today, or this week."""

    code, status = "own_limit_reached", 409

    def __init__(self, span: str, *, cap_minutes: int) -> None:
        self.span, self.cap_minutes = span, cap_minutes
        until = "tomorrow" if span == "day" else "next week"
        super().__init__(
            f"you have worked the {cap_minutes} minutes a {span} that you set yourself",
            cure=f"Rest until {until}, or change your limit on your own page. What you hold can still be finished.",
        )


class DayIsFull(ExchangeError):
    """The job's daily cap is used up: no more of its pay can be reserved today, so nothing is lent."""

    code, status = "day_is_full", 409

    def __init__(self, job_id: str, *, parts: int, next_at_ms: int) -> None:
        self.job_id, self.parts, self.next_at_ms = job_id, parts, next_at_ms
        at = datetime.fromtimestamp(next_at_ms / 1_000, tz=UTC)
        super().__init__(
            f"at most 1/{parts} of this job's funds is set aside for workers per day, and today's part is spoken for",
            cure=f"It goes on at {at:%H:%M} UTC on {at:%Y-%m-%d}. What you hold can still be finished.",
        )


class SensitiveNotWished(ExchangeError):
    """Work that may upset is lent only to those who said that they want it."""

    code, status = "sensitive_not_wished", 409
    cure = "Choose other work, or allow sensitive work on your own page."

    def __init__(self) -> None:
        super().__init__("this work is marked as sensitive, and you have not asked for such work")


class PoolMembersOnly(ExchangeError):
    """A job of a work pool is lent to its members alone."""

    code, status = "pool_members_only", 403
    cure = "Choose other work, or ask the pool for an invitation."

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id
        super().__init__(f"job {job_id} is for the members of a work pool only")


class NotAPool(ExchangeError):
    """The account runs no work pool."""

    code, status = "not_a_pool", 404
    cure = "Ask the operator to open a work pool for your account."

    def __init__(self) -> None:
        super().__init__("this account runs no work pool")


class NotInThisPool(ExchangeError):
    """There is no such member in this pool, now."""

    code, status = "not_in_this_pool", 404
    cure = "Load the page again: the membership has ended, or never was."

    def __init__(self) -> None:
        super().__init__("there is no such membership")


class InviteSpent(ExchangeError):
    """The invitation does not hold: wrong, ended, too old, or every place is taken."""

    code, status = "invite_spent", 404
    cure = "Ask the pool for a new link."

    def __init__(self) -> None:
        super().__init__("this invitation does not hold (any more)")


class OtherWords(ExchangeError):
    """What was agreed to is not what is told today."""

    code, status = "other_words", 409
    cure = "Load the page again, and read what a pool sees before you agree."

    def __init__(self) -> None:
        super().__init__("the words on what a pool sees have changed")


class TooManyInvites(ExchangeError):
    """More open invitations than a pool needs."""

    code, status = "too_many_invites", 409
    cure = "End some that are not needed any more."

    def __init__(self, most: int) -> None:
        super().__init__(f"a work pool has {most} open invitations at most")


class TooManyPools(ExchangeError):
    """More pools than a worker can belong to."""

    code, status = "too_many_pools", 409
    cure = "Leave one of them first."

    def __init__(self, most: int) -> None:
        super().__init__(f"one belongs to {most} work pools at most")


class NoSuchSign(ExchangeError):
    """Nothing of this kind was noticed of this worker in this job, or it was taken back."""

    code, status = "no_such_sign", 404
    cure = "Load the page again: your standing page lists what was noticed."

    def __init__(self) -> None:
        super().__init__("there is nothing of this kind to object to")
