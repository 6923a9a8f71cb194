"""Named queries: found by name, wrong names told."""

from __future__ import annotations

import pytest

from .errors import BadQueryFile, UnknownQuery
from .sql import Queries, load_queries, parse_queries


def test_queries_are_read_by_name_with_their_comments() -> None:
    found = parse_queries([("a.sql", "-- the file\n-- name: one\n-- why\nselect 1;\n\n-- name: two\nselect\n  2\n")])
    assert found == {"one": "-- why\nselect 1", "two": "select\n  2"}


@pytest.mark.parametrize(
    "text",
    ["select 1;", "-- name: One\nselect 1", "-- name: a\n-- nothing\n", "-- name: a\nselect 1\n-- name: a\nselect 2"],
)
def test_a_file_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(BadQueryFile):
        parse_queries([("a.sql", text)])


def test_a_wrong_name_names_the_nearest_right_one() -> None:
    queries = Queries("somewhere", {"claim_tasks": "select 1"})
    with pytest.raises(UnknownQuery, match="did you mean claim_tasks"):
        _ = queries.claim_task
    assert not hasattr(queries, "nonsense")


def test_the_store_finds_its_own_queries() -> None:
    assert "procrastinate_defer_jobs_v1" in load_queries("manyhands.store").enqueue
