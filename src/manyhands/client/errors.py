"""What goes wrong when a program asks the platform."""

from __future__ import annotations

from .shapes import Said


class ClientError(Exception):
    """Base of what the client raises."""


class Refused(ClientError):
    """The platform said no. code is stable; message says what happened, cure what to do.

    message_said, cure_said  the same by name and figures, for an app that says it in another language; () = unknown
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        cure: str,
        *,
        message_said: tuple[Said, ...] = (),
        cure_said: tuple[Said, ...] = (),
    ) -> None:
        self.status, self.code, self.message, self.cure = status, code, message, cure
        self.message_said, self.cure_said = message_said, cure_said
        super().__init__(f"{message} ({code}). {cure}".strip())


class Unreachable(ClientError):
    """No answer came. What was asked may or may not have happened; asking again is safe where the method says so."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"the platform did not answer: {problem}")
