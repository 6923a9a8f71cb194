"""All states and moves of everything that has a life, each in one table.

A move that is not in the table is refused with `IllegalMove`; tests try every other one.

>>> move(JOB_MOVES, "job j1", "quoted", "route")
'routed'
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import IllegalMove

Moves = Mapping[tuple[str, str], str]

JOB_MOVES: Moves = {
    ("draft", "quote"): "quoted",
    ("quoted", "route"): "routed",  # the chain is part of what is funded, so routing comes first
    ("quoted", "refuse"): "refused",
    ("routed", "fund"): "funding",
    ("routed", "reroute"): "routed",
    ("funding", "funded"): "open",
    ("funding", "reroute"): "routed",  # the chain went away before the escrow existed on it
    ("open", "record"): "recorded",
    ("open", "cancel"): "cancelling",
    ("recorded", "judge"): "settling",
    ("cancelling", "judge"): "settling",
    ("settling", "paid"): "closed",
}
"""As the launcher sees a job."""

TASK_MOVES: Moves = {
    ("held", "open"): "open",  # cut, waiting for the rest of its job
    ("held", "accept_unseen"): "accepted",
    ("open", "accept"): "accepted",
    ("open", "give_up"): "unreadable",
    ("open", "freeze"): "frozen",
    ("frozen", "clear"): "open",
    ("frozen", "uphold"): "withdrawn",
    ("open", "withdraw"): "withdrawn",  # the job was cancelled
}

ASSIGNMENT_MOVES: Moves = {
    ("lent", "answer"): "answered",
    ("lent", "return"): "returned",
    ("lent", "expire"): "expired",
    ("lent", "report"): "reported",
    ("expired", "answer"): "answered",  # late but complete work is still taken while the task is open
}

REPORT_MOVES: Moves = {
    ("filed", "draw"): "judged",
    ("judged", "clear"): "cleared",
    ("judged", "uphold"): "upheld",
}

APPEAL_MOVES: Moves = {
    ("open", "grant"): "granted",
    ("open", "deny"): "denied",
}

TRANSACTION_MOVES: Moves = {
    ("signed", "send"): "sent",
    ("sent", "mine"): "mined",
    ("mined", "confirm"): "final",
    ("sent", "mined_reverted"): "reverted",
    ("mined", "forget"): "signed",  # a reorganisation or a lost node took it back
    ("final", "forget"): "signed",
}


def move(moves: Moves, subject: str, state: str, verb: str) -> str:
    """The state after the move. raises IllegalMove naming subject, state and move."""
    try:
        return moves[state, verb]
    except KeyError:
        raise IllegalMove(subject, state, verb) from None


def states(moves: Moves) -> frozenset[str]:
    """Every state that a table mentions."""
    return frozenset(state for state, _ in moves) | frozenset(moves.values())


def final_states(moves: Moves) -> frozenset[str]:
    """States that no move leaves."""
    return states(moves) - frozenset(state for state, _ in moves)
