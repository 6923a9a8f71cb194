"""Errors of this package. A file that cannot be imported is not an error but a value, ``importing.ImportRefused``."""

from __future__ import annotations


class DocumentsError(Exception):
    """Something about a document cannot be done. The sentence says what would help."""


class PageMissing(DocumentsError):
    """A page record is missing from a document that is being put together. Wait for it or drop the document."""

    def __init__(self, *, doc_id: str, page_no: int) -> None:
        self.doc_id, self.page_no = doc_id, page_no
        super().__init__(f"page {page_no} of {doc_id} has no record yet: assemble when every page is decided")


class PieceUndecided(DocumentsError):
    """A piece has no decision. Assemble when every piece has one."""

    def __init__(self, *, doc_id: str, piece_id: str) -> None:
        self.doc_id, self.piece_id = doc_id, piece_id
        super().__init__(f"piece {piece_id} of {doc_id} has no decision: give it a verdict or mark it open")


def out_of_memory(problem: BaseException) -> bool:
    """Whether a page could not be read because the process may hold no more memory; each library says it otherwise.

    >>> out_of_memory(MemoryError()), out_of_memory(RuntimeError("Status Message: std::bad_alloc"))
    (True, True)
    >>> out_of_memory(RuntimeError("the model is not there"))
    False
    """
    signs = ("bad_alloc", "Failed to allocate memory", "Insufficient memory", "Unable to allocate")
    return isinstance(problem, MemoryError) or any(sign in str(problem) for sign in signs)


class UnreadableImage(DocumentsError):
    """Bytes that should be a page image are not. Re-import the document."""

    def __init__(self, *, what: str) -> None:
        self.what = what
        super().__init__(f"{what} is not a readable page image: import the document again")
