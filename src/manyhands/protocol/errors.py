"""The family of errors that people meet.

Every error of the project says what happened in one sentence and, where somebody can do something about it, the cure.
"""

from __future__ import annotations


class ManyhandsError(Exception):
    """Base of every error the project raises on purpose.

    message  one sentence that names the thing
    cure     one sentence that says what to do, or "" where nobody can do anything
    """

    cure: str = ""

    def __init__(self, message: str, *, cure: str | None = None) -> None:
        super().__init__(message)
        if cure is not None:
            self.cure = cure

    @property
    def message(self) -> str:
        return str(self)


class ProtocolError(ManyhandsError):
    """A party broke an agreed rule. The message it sent is refused and not tried again."""


class BadSignature(ProtocolError):
    """The signature of a message does not belong to the sender it names."""

    def __init__(self, message_id: str, *, claimed: str, recovered: str | None) -> None:
        self.message_id, self.claimed, self.recovered = message_id, claimed, recovered
        super().__init__(
            f"message {message_id} claims to come from {claimed}, but its signature is "
            + (f"that of {recovered}" if recovered else "not a signature"),
            cure="Check that both sides use the same key and that nothing rewrote the message on its way.",
        )


class BadManifest(ProtocolError):
    """The description of a job is not usable."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(
            f"manifest field {field!r}: {problem}", cure=f"Correct {field!r} and launch again; nothing was charged."
        )


class IllegalMove(ProtocolError):
    """The life cycle has no such move from the present state."""

    def __init__(self, subject: str, state: str, move: str) -> None:
        self.subject, self.state, self.move = subject, state, move
        super().__init__(f"{subject} is {state}: it cannot {move}")


class DifferentMoney(ManyhandsError):
    """Two amounts of different currencies met in one sum."""

    def __init__(self, left: str, right: str) -> None:
        self.left, self.right = left, right
        super().__init__(f"cannot add {left} and {right}", cure="Convert one of them at a stated rate first.")
