"""Facts files: complete ones are read, a mistake is told with file and field."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from manyhands.chain.errors import FactsInvalid
from manyhands.chain.facts import (
    ContractAddresses,
    currencies_of,
    facts_in,
    floors_of,
    parse_facts,
    read_facts,
    shipped_facts,
)
from manyhands.protocol.money import MHT

TEXT = files("manyhands.chain.facts").joinpath("local-a.toml").read_text(encoding="utf-8")


def test_the_two_shipped_chains_differ_in_id_depth_and_pace() -> None:
    one, other = shipped_facts().values()
    assert (one.chain_id, other.chain_id) == (1338, 31338)
    assert one.confirmations != other.confirmations
    assert one.block_time_ms != other.block_time_ms
    assert one.rpc_urls != other.rpc_urls


@pytest.mark.parametrize(
    ("was", "now", "field"),
    [
        ("confirmations = 2 ", "confirmations = -1", "confirmations"),
        ("confirmations = 2 ", 'confirmations = "two"', "confirmations"),
        ("confirmations = 2 ", "confirmation = 2", "confirmation"),
        ('name = "local-a"', "", "name"),
        ("chain_id = 1338", "chain_id = 0", "chain_id"),
        ('["http://127.0.0.1:8545"]', "[]", "rpc_urls"),
        ('"http://127.0.0.1:8545"', '"ftp://x"', "rpc_urls"),
        ("decimals = 6", "decimals = 99", "tokens[0].decimals"),
        ('address = ""', 'address = "0x12"', "tokens[0].address"),
        ("highest_fee_wei = 2_000_000_000_000", "highest_fee_wei = 5", "fees.highest_fee_wei"),
        ("priority_fee_wei = 1_000_000_000", "priority_fee_wei = 100_000_000_001", "fees.priority_fee_wei"),
        ("local = true", "local = false", "contracts"),
        ("decimals = 6", "decimals = 18", "tokens[0].decimals"),
    ],
)
def test_a_mistake_names_the_file_and_the_field(was: str, now: str, field: str) -> None:
    assert was in TEXT
    with pytest.raises(FactsInvalid) as caught:
        parse_facts(TEXT.replace(was, now), file="mine.toml")
    assert caught.value.file == "mine.toml"
    assert caught.value.field.startswith(field)
    assert caught.value.cure


FURTHER = """
[[tokens]]
symbol = "DAIT"
decimals = 18
exponent = 6
spoken = "USD"
floor_per_hour_minor = 8_000_000
"""


@pytest.mark.parametrize(
    ("was", "now", "field", "said"),
    [
        ("exponent = 6", "exponent = 7", "exponent", "<= 6"),
        ("decimals = 18", "decimals = 5", "exponent", "more than the 5 decimals of the token"),
        ("floor_per_hour_minor = 8_000_000", "", "floor_per_hour_minor", "known to nobody else"),
        ('symbol = "DAIT"', 'symbol = "MHT"', "symbol", "is there already"),
        ('symbol = "DAIT"', 'symbol = "mht"', "symbol", "is there already"),
        ('symbol = "DAIT"', 'symbol = "two words"', "symbol", "is no code"),
        ('symbol = "DAIT"', 'symbol = "EUR"', "exponent", "is not 2, which EUR always has"),
        ('spoken = "USD"', 'spoken = "<b>"', "spoken", "is no code of a money"),
    ],
)
def test_a_further_token_that_could_not_be_counted_is_refused(was: str, now: str, field: str, said: str) -> None:
    parse_facts(TEXT + FURTHER, file="mine.toml")
    with pytest.raises(FactsInvalid, match=said) as caught:
        parse_facts(TEXT + FURTHER.replace(was, now), file="mine.toml")
    assert caught.value.field.startswith(f"tokens[1].{field}")


def test_a_token_of_more_decimals_than_its_currency_is_taken_when_it_is_meant() -> None:
    meant = TEXT.replace("decimals = 6", "decimals = 18\nexponent = 6")
    facts = parse_facts(meant, file="mine.toml")
    assert (facts.token.currency, facts.token.unit) == (MHT, 10**12)


def test_two_tokens_at_one_address_and_one_without_an_address_on_a_real_chain_are_refused() -> None:
    at = 'address = "0x' + "1" * 40 + '"\n'
    first = TEXT.replace('address = ""', at)
    with pytest.raises(FactsInvalid, match="is that of MHT too"):
        parse_facts(first + FURTHER + at, file="mine.toml")
    contracts = "[contracts]\n" + "".join(
        f'{name} = "0x{digit * 40}"\n'
        for name, digit in zip(("token", "staking", "factory", "kvstore", "jury"), "12345", strict=True)
    )
    real = first.replace("local = true", "local = false") + FURTHER
    with pytest.raises(FactsInvalid, match="is missing: only on local chains"):
        parse_facts(real + contracts, file="mine.toml")
    assert parse_facts(real + at.replace("1", "2") + contracts, file="mine.toml").token_of("DAIT") is not None


def test_two_chains_that_count_one_code_in_two_ways_are_refused_together() -> None:
    one = parse_facts(TEXT + FURTHER, file="a.toml")
    same = parse_facts(TEXT.replace("1338", "777") + FURTHER, file="b.toml")
    assert list(currencies_of([one, same])) == ["MHT", "DAIT"]
    other = parse_facts(TEXT.replace("1338", "777") + FURTHER.replace("exponent = 6", "exponent = 2"), file="b.toml")
    with pytest.raises(FactsInvalid, match="another chain with 6 as USD"):
        currencies_of([one, other])
    assert floors_of([one, same]) == {"DAIT": 8_000_000}


def test_text_that_is_no_toml_is_told_plainly() -> None:
    with pytest.raises(FactsInvalid, match="is not TOML"):
        parse_facts("chain_id = = 3", file="mine.toml")


def test_a_new_chain_is_one_file_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "third.toml").write_text(TEXT.replace("1338", "777").replace("local-a", "third"))
    assert facts_in(tmp_path, beside=shipped_facts())[777].name == "third"


def test_two_files_for_one_chain_are_refused(tmp_path: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(TEXT)
    with pytest.raises(FactsInvalid, match=r"a\.toml already"):
        facts_in(tmp_path)


def test_a_file_that_is_not_there_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(FactsInvalid, match="cannot be read"):
        read_facts(tmp_path / "none.toml")


def test_facts_learn_where_the_contracts_were_deployed() -> None:
    contracts = ContractAddresses(*(f"0x{digit}" + "0" * 39 for digit in "12345"))
    facts = shipped_facts()[1338].with_contracts(contracts)
    assert facts.token.address == contracts.token
    assert facts.contracts == contracts
