"""What workers saw of a page is measured, and strict keeps everything apart."""

from hypothesis import given
from hypothesis import strategies as st

from manyhands.documents.exposure import exposure_of, linkable_pair
from manyhands.documents.model import Box, Decision, PageImage, PageRecord, Piece, PieceRecord


def page_of(count: int) -> PageRecord:
    places = [Piece(f"p{n}", 1, Box(0, 20 * n, 40, 20 * n + 18), n, line_group=n // 2) for n in range(count)]
    records = tuple(PieceRecord(piece, Decision("people", "x" * (n + 1), "")) for n, piece in enumerate(places))
    return PageRecord("scan", PageImage(1, 100, 20 * count + 20), records)


@given(st.integers(1, 12), st.sets(st.integers(0, 11)))
def test_a_worker_s_share_is_that_of_the_characters_they_were_shown(count: int, shown: set[int]) -> None:
    page = page_of(count)
    (seen,) = exposure_of([page], {"ann": {f"p{n}" for n in shown}})
    own = sum(n + 1 for n in shown if n < count)
    total = count * (count + 1) // 2
    assert 0 <= seen.share_max_bp * total - own * 10_000 < total
    assert seen.pieces == seen.pieces_of_page_max == sum(n < count for n in shown)


@given(st.integers(1, 12), st.data())
def test_one_piece_of_a_page_links_nothing(count: int, data: st.DataObject) -> None:
    pages = [page_of(count) for _ in range(3)]
    one = f"p{data.draw(st.integers(0, count - 1))}"
    (seen,) = exposure_of(pages[:1], {"ann": {one}})
    assert seen.linkable_pairs == 0


def test_neighbours_a_line_s_parts_and_a_row_s_cells_are_linkable() -> None:
    box = Box(0, 0, 10, 10)
    amount, name = Piece("a", 1, box, 3, line_group=7), Piece("n", 1, box, 9, line_group=7)
    far = Piece("f", 1, box, 20, line_group=8)
    cell, other = (Piece(f"c{n}", 1, box, 30 + 5 * n, row=2, col=n, table=0, line_group=9 + n) for n in range(2))
    assert linkable_pair(amount, name) and linkable_pair(cell, other)
    assert not linkable_pair(amount, far) and not linkable_pair(far, cell)
