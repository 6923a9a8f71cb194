"""Server-sent events as values: the lines of a stream in, what happened out. Pure.

Source: "Server-sent events", HTML Living Standard, section 9.2: fields `event`, `data`, `id`, `retry`; a line that
begins with a colon says nothing; an empty line ends an event.

>>> reader = EventReader()
>>> [reader.line(one) for one in ("event: happened", "id: 7", 'data: {"name": "open"}')]
[None, None, None]
>>> reader.line("")
JobEvent(name='happened', number=7, told={'name': 'open'})
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

EVENT_CHARS_MAX = 8_000_000
"""A longer event is none of ours."""


class JobEvent(msgspec.Struct, frozen=True):
    """One thing told of a running job.

    name    state: how the job stands, which replaces the last state; happened: one thing, once, with its number;
            over: nothing more will come
    number  place of a thing that happened among those of the job, from 1; 0 for the others
    """

    name: Literal["state", "happened", "over"]
    number: int
    told: dict[str, Any]


class EventReader:
    """Reads lines, without their ends. last = number of the last thing that happened, for coming back after a cut."""

    def __init__(self) -> None:
        self.last = 0
        self._forget()

    def _forget(self) -> None:
        self._name, self._id, self._data, self._chars = "", "", list[str](), 0

    def cut(self) -> None:
        """The stream broke off: an event of which a part came is forgotten, and will be told again."""
        self._forget()

    def line(self, line: str) -> JobEvent | None:
        """The event that this line ends. raises ValueError for an event that is none of a job's"""
        if line:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            self._chars += len(line)
            if self._chars > EVENT_CHARS_MAX:
                raise ValueError("an event of this stream is too long")
            match field:
                case "event":
                    self._name = value
                case "data":
                    self._data.append(value)
                case "id":
                    self._id = value
            return None
        name, raw, number = self._name, "\n".join(self._data), self._id
        self._forget()
        if not raw:
            return None
        try:
            told = msgspec.json.decode(raw, type=dict[str, Any])
        except (msgspec.DecodeError, msgspec.ValidationError) as problem:
            raise ValueError(f"an event of this stream cannot be read: {problem}") from problem
        if name == "happened":
            if not number.isdecimal() or len(number) > 9:
                raise ValueError("a thing that happened has no number")
            self.last = int(number)
        match name:
            case "happened" | "state" | "over":
                return JobEvent(name, self.last if name == "happened" else 0, told)
        return None  # what a later version tells is passed over, as browsers do
