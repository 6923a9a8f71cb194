"""What a privacy level lets one worker see of a page, and how many different people a page then needs. Pure.

Rules kept here
- Privacy is a number per piece: of how many pieces of its page one worker may be lent; beside that, nobody is lent what
  stands next to something that they have seen.
- Known pieces, which measure people, count like any other: who was shown one has seen it.
- The number of people told is enough in whatever order they come and whoever takes what, not only in the best one.

>>> page_share("strict", pieces=40), page_share("standard", pieces=40), page_share("off", pieces=40)
(1, 4, None)
"""

from __future__ import annotations

from .manifest import Privacy

STANDARD_SHARE_PERCENT = 10


def page_share(privacy: Privacy, *, pieces: int) -> int | None:
    """Of how many pieces of a page one worker may be lent; None = any number.

    strict  one piece of a page; standard  a tenth of them, at least one; off  no limit
    """
    match privacy:
        case "strict":
            return 1
        case "standard":
            return max(1, pieces * STANDARD_SHARE_PERCENT // 100)
        case "off":
            return None


def people_enough(*, lent: int, own: int, beside: int, share: int | None) -> int:
    """Different people with whom every task of a page gets its answers, whoever takes what and when.

    lent    things of the page that are lent in all, known ones included
    own     answers of a task at most, itself one of them
    beside  things lent at most that stand next to one task, or in its place
    share   of `page_share`

    Of the people one cannot take a task who had it (own - 1 while it wants one more), who had something beside it
    (beside), or who have seen as much of the page as they may: each of those used up a whole share of what is left.
    With one person more there is somebody; and nobody is barred who had nothing of the page.

    >>> people_enough(lent=32, own=2, beside=4, share=1), people_enough(lent=32, own=2, beside=4, share=6)
    (32, 10)
    >>> people_enough(lent=32, own=4, beside=0, share=None)
    4
    """
    if share is None:
        return own + beside
    rest = max(0, lent - own - beside)
    return max(own, min(lent, own + beside + rest // share))
