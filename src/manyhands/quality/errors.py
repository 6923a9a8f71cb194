"""The family of errors of this package: what is wrong, where, and what to do about it."""

from __future__ import annotations

from manyhands.protocol.errors import ManyhandsError


class QualityError(ManyhandsError):
    """Something that was given cannot be turned into a verdict. The fields say what and where."""


class BadLabels(QualityError):
    """A row of answers or gold cannot be used. Correct or drop the row that is named.

    row     0-based position in what was given, None when the whole is meant
    column  "task", "worker", "label" or the name of the table's part
    """

    def __init__(self, reason: str, *, row: int | None = None, column: str | None = None) -> None:
        self.reason, self.row, self.column = reason, row, column
        where = "" if row is None else f"row {row}"
        if column is not None:
            where = f"{where}, column {column!r}" if where else f"column {column!r}"
        super().__init__(f"{where}: {reason}" if where else reason, cure="Correct or drop what is named and run again.")


class UnknownMethod(QualityError):
    """A method or kind that does not exist, or does not fit the kind of answers. Choose one that is listed."""

    def __init__(self, name: str, *, allowed: tuple[str, ...]) -> None:
        self.name, self.allowed = name, allowed
        super().__init__(f"unknown {name!r}: choose one of {', '.join(allowed)}")


class NoFile(QualityError):
    """A file cannot be read, or cannot be written where it shall stand."""

    def __init__(self, path: object, error: OSError, *, cure: str) -> None:
        self.path = str(path)
        super().__init__(f"{path}: {(error.strerror or str(error)).lower()}", cure=cure)


class BadRule(QualityError):
    """A rule or parameter is outside its range. The sentence names the range."""

    def __init__(self, field: str, *, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field} is {value!r}, allowed is {allowed}")
