"""What the desk refuses, and what to do then. Nothing that is refused here has cost anything."""

from __future__ import annotations

from manyhands.protocol.errors import ManyhandsError


class DeskError(ManyhandsError):
    """Base of the desk's own errors."""


class NoSuchDraft(DeskError):
    """There is no such draft, or it is somebody else's."""

    status = 404
    cure = "Open the list of your jobs and choose from there."

    def __init__(self, draft_id: str) -> None:
        self.draft_id = draft_id
        super().__init__("there is no such draft of yours")


class NoSuchFile(DeskError):
    """The draft has no file of that number."""

    status = 404
    cure = "Drop the files again; what is here already is kept."

    def __init__(self, file_no: int) -> None:
        self.file_no = file_no
        super().__init__(f"the draft has no file {file_no}")


class WrongMoment(DeskError):
    """The draft is not in the state that this needs."""

    status = 409

    def __init__(self, state: str, verb: str, cure: str) -> None:
        self.state, self.verb = state, verb
        super().__init__(f"a draft that is {state} cannot be {verb}", cure=cure)


class TooManyFiles(DeskError):
    """A draft holds so many files and no more."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"one draft takes {limit} files at most", cure="Split them into several jobs.")


class TooManyDrafts(DeskError):
    """A person keeps so many drafts and no more."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"{limit} drafts are open already", cure="Launch or delete one of them first.")


class TooMuchData(DeskError):
    """A file, or a draft's files together, are larger than what is taken."""

    status = 413

    def __init__(self, what: str, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(
            f"{what} is larger than {limit_bytes // 1_000_000} MB",
            cure="Split it, or scan at 200 to 300 dots per inch.",
        )


class TooMuchHeld(DeskError):
    """A person's drafts hold so many bytes together and no more."""

    status = 413

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(
            f"your drafts together would hold more than {limit_bytes // 1_000_000} MB",
            cure="Launch or delete one of them first.",
        )


class MoreThanAnnounced(DeskError):
    """More of a file arrived than it was said to have."""

    status = 413

    def __init__(self, name: str, size_bytes: int) -> None:
        self.name, self.size_bytes = name, size_bytes
        super().__init__(
            f"more arrived of {name[:80]!r} than its {size_bytes} bytes",
            cure="The file changed while it was sent: remove it from the draft and drop it again.",
        )


class BadFileName(DeskError):
    """A file's name cannot be kept."""

    cure = "Rename the file; letters, digits, blanks and the usual signs are fine."

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"the file name {name[:80]!r} {problem}")


class OutOfStep(DeskError):
    """A part of a file does not begin where the parts before it ended."""

    status = 409
    code = "upload_out_of_step"

    def __init__(self, *, received_bytes: int, offset_bytes: int) -> None:
        self.received_bytes, self.offset_bytes = received_bytes, offset_bytes
        super().__init__(
            f"the upload was cut off: {received_bytes} bytes are here, the part begins at {offset_bytes}",
            cure=f"Go on from byte {received_bytes}; nothing that arrived is lost.",
        )


class UploadUnfinished(DeskError):
    """Some files are not wholly here."""

    status = 409

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(
            f"{count} files are not wholly here: the upload was cut off",
            cure="Drop the same files again, and only what is missing is sent; or remove them from the draft.",
        )


class QuoteChanged(DeskError):
    """The quote is another than the one the requester agreed to."""

    status = 409

    def __init__(self, *, agreed_minor: int, quoted_minor: int) -> None:
        self.agreed_minor, self.quoted_minor = agreed_minor, quoted_minor
        super().__init__(
            "the quote is not the one you agreed to", cure="Look at the new quote and agree again; nothing was charged."
        )


class NoTable(DeskError):
    """Claims or a ledger's lines are wished, and no table of them was given."""

    status = 422

    def __init__(self, asks: str) -> None:
        self.asks = asks
        super().__init__(
            f"there is no table of {asks} yet", cure="Choose a CSV file; the sample beside it shows its columns."
        )


class TooManyWatchers(DeskError):
    """One account watches too many jobs at once."""

    status = 429
    cure = "Close some of the windows that show running jobs."

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} windows of yours are watching jobs already")


class NotWithoutReason(DeskError):
    """An objection needs a reason of the list, evidence and a sentence."""

    status = 422

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"an objection needs {what}",
            cure="Say what the page shows instead and why; a person reads it and answers.",
        )


class NothingBilled(DeskError):
    """There is nothing to bill yet."""

    status = 409
    cure = "An invoice is written when the job is paid and the rest of its money came back."

    def __init__(self, state: str) -> None:
        super().__init__(f"the job is {state}: its bill is not final")
