"""So many people as a page is said to need can give all its answers, in whatever order they come."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from .privacy import page_share, people_enough

LEVELS = st.sampled_from(["strict", "standard", "off"])


@dataclass(frozen=True)
class Thing:
    """What is lent of a page: its place, and how many answers or views of it there are."""

    place: int
    answers: int


@st.composite
def pages(draw: st.DrawFn) -> list[Thing]:
    """Pages whose things stand close together, some in one place: where people bar themselves most."""
    places = draw(st.lists(st.integers(0, 12), min_size=1, max_size=10))
    return [Thing(place, draw(st.integers(1, 3))) for place in sorted(places)]


def enough_for(page: list[Thing], share: int | None) -> int:
    """The bound of every thing of a page, the largest of them."""
    lent = sum(thing.answers for thing in page)
    return max(
        people_enough(
            lent=lent,
            own=thing.answers,
            beside=0 if share is None else sum(one.answers for one in near(page, n)),
            share=share,
        )
        for n, thing in enumerate(page)
    )


def near(page: list[Thing], n: int) -> list[Thing]:
    """What stands beside a thing of the page, or in its place."""
    return [one for m, one in enumerate(page) if m != n and abs(one.place - page[n].place) <= 1]


def left_over(page: list[Thing], share: int | None, *, people: int, chance: random.Random) -> int:
    """Answers that nobody may give any more, after people took by chance what the exchange's rule lets them take."""
    had: list[set[int]] = [set() for _ in range(people)]
    given_: Counter[int] = Counter()

    def may_take(person: int, n: int) -> bool:
        seen = had[person]
        if n in seen or given_[n] == page[n].answers:
            return False
        return share is None or (len(seen) < share and all(abs(page[m].place - page[n].place) > 1 for m in seen))

    while free := [(person, n) for person in range(people) for n in range(len(page)) if may_take(person, n)]:
        # those who came before come again, which uses people up fastest, or anybody does
        person, n = min(free) if chance.random() < 0.5 else chance.choice(free)
        had[person].add(n)
        given_[n] += 1
    return sum(thing.answers for thing in page) - given_.total()


@given(pages(), LEVELS, st.integers(0, 2**32))
def test_with_the_number_told_every_answer_of_a_page_is_given_in_any_order(
    page: list[Thing], level: str, seed: int
) -> None:
    share = page_share(level, pieces=10 * len(page))  # type: ignore[arg-type]  # drawn from the literal's words
    people = enough_for(page, share)
    assert left_over(page, share, people=people, chance=random.Random(seed)) == 0


@given(st.integers(1, 10), st.integers(1, 3))
def test_where_one_piece_of_a_page_is_shown_to_a_person_the_number_is_the_least(pieces: int, answers: int) -> None:
    page = [Thing(3 * n, answers) for n in range(pieces)]
    least = enough_for(page, 1)
    assert least == pieces * answers
    assert left_over(page, 1, people=least, chance=random.Random(1)) == 0
    assert left_over(page, 1, people=least - 1, chance=random.Random(1)) == 1


@given(st.integers(1, 300), st.integers(1, 4), st.integers(0, 20), st.integers(1, 30), st.integers(0, 40))
def test_more_work_or_less_of_a_page_for_each_never_needs_fewer_people(
    lent: int, own: int, beside: int, share: int, more: int
) -> None:
    needed = people_enough(lent=lent, own=own, beside=beside, share=share)
    assert needed <= people_enough(lent=lent + more, own=own, beside=beside, share=share)
    assert people_enough(lent=lent, own=own, beside=beside, share=share + more) <= needed
