"""What counts as a field is said in plain words, in both languages, and a requester's own words hold."""

from __future__ import annotations

import pytest
import yaml

from .fields import KindSpecInvalid, kind_spec_of
from .meanings import MEANING_CHARS_MAX, kinds_that_mean, meanings_in, shipped_kinds, with_meanings

FIELD = "kind: note\nfields: [{{name: company, type: text, find: letterhead, counts: {counts}}}]"


def test_every_field_of_every_shipped_kind_says_what_counts_in_english_and_spanish() -> None:
    for name, text in shipped_kinds().items():
        for field in kind_spec_of(text).fields:
            assert isinstance(field.counts, dict) and field.counts.keys() == {"en", "es"}, (name, field.name)
            assert all(sentence.endswith(".") for sentence in field.counts.values())
    assert all(len(said) == 1 for language in ("en", "es") for said in meanings_in(language).values())


def test_a_field_of_one_name_counts_alike_in_all_shipped_kinds() -> None:
    told: dict[str, set[str]] = {}
    for text in shipped_kinds().values():
        for field in yaml.safe_load(text).get("fields") or ():
            told.setdefault(field["name"], set()).add(str(field["counts"]))
    assert all(len(sentences) == 1 for sentences in told.values())


def test_a_language_that_nobody_wrote_in_gets_english() -> None:
    assert meanings_in("fi")["total"] == meanings_in("en")["total"] != meanings_in("es")["total"]


def test_a_requester_s_own_kind_says_it_for_its_fields_and_no_others() -> None:
    own = FIELD.format(counts="The brand.")
    assert meanings_in("es", own=(own,))["company"] == ("The brand.",)
    assert meanings_in("es", own=(own,))["total"] == meanings_in("es")["total"]
    silent = FIELD.format(counts='""')
    assert meanings_in("en", own=(silent,))["company"] == (), "theirs may mean something else than ours"


def test_two_own_kinds_that_differ_tell_both() -> None:
    own = (FIELD.format(counts="The brand."), FIELD.format(counts="The owner.").replace("note", "slip"))
    assert meanings_in("en", own=own)["company"] == ("The brand.", "The owner.")


@pytest.mark.parametrize(
    "counts", [f'"{"a" * (MEANING_CHARS_MAX + 1)}"', "{english: The brand.}", '{en: ""}', '"a\\u0007b"', "{EN: x}"]
)
def test_what_cannot_be_shown_is_refused_by_name(counts: str) -> None:
    with pytest.raises(KindSpecInvalid, match="field company"):
        kind_spec_of(FIELD.format(counts=counts))


def test_other_words_for_a_field_make_shipped_kinds_a_requester_s_own_and_change_nothing_else() -> None:
    changed = kinds_that_mean({"company": "The brand."}, {})
    assert set(changed) == {"receipt", "invoice", "statement"}
    for name, text in changed.items():
        before, after = kind_spec_of(shipped_kinds()[name]), kind_spec_of(text)
        assert [one.name for one in after.fields] == [
            one.name for one in before.fields
        ] and after.checks == before.checks
        for old, new in zip(before.fields, after.fields, strict=True):
            if old.name == "company":
                assert new.counts == "The brand." and new.skip == old.skip and new.markers == old.markers
            else:
                assert new == old
    assert kinds_that_mean({}, {"note": "x"}) == {"note": "x"}
    assert kind_spec_of(with_meanings(FIELD.format(counts="x"), {"total": "y"})) == kind_spec_of(
        FIELD.format(counts="x")
    )
