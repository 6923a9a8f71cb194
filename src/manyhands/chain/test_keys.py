"""Keys: made once, kept to their owner, never shown."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.chain.errors import KeyFileExposed, KeyFileInvalid
from manyhands.chain.keys import (
    RoleKey,
    UnsignedTransaction,
    contract_address,
    dev_key,
    load_or_create_key,
    recover_transaction_sender,
)
from manyhands.protocol.ids import SeededIds, SystemIds
from manyhands.protocol.signing import recover_signer


def test_a_key_is_made_once_and_found_again(tmp_path: Path) -> None:
    made = load_or_create_key(tmp_path / "keys" / "launcher", SeededIds(1))
    found = load_or_create_key(tmp_path / "keys" / "launcher", SeededIds(2))
    assert made.address == found.address
    assert (tmp_path / "keys" / "launcher").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["launcher"]


def test_programs_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    found: list[str] = []

    def start() -> None:
        found.append(load_or_create_key(tmp_path / str(0), SystemIds()).address)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "launcher"
    load_or_create_key(path, SeededIds(1))
    path.chmod(0o644)
    with pytest.raises(KeyFileExposed) as caught:
        load_or_create_key(path, SeededIds(1))
    assert "chmod 600" in caught.value.cure


@pytest.mark.parametrize("text", ["", "00ff", "no key at all"])
def test_a_damaged_key_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "launcher"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(KeyFileInvalid) as caught:
        load_or_create_key(path, SeededIds(1))
    assert not text or text not in str(caught.value)


def test_a_key_shows_its_address_and_never_itself() -> None:
    key = RoleKey.create(SeededIds(7))
    assert key.private_key.hex() not in f"{key!r} {key}"
    assert key.address in repr(key)


def test_a_signed_message_leads_back_to_its_key() -> None:
    key = RoleKey.create(SeededIds(7))
    assert recover_signer(b"hello", key.sign_message(b"hello")) == key.address


@settings(max_examples=20, deadline=None)  # a signature in plain Python takes milliseconds
@given(nonce=st.integers(0, 2**40), value_wei=st.integers(0, 2**80), data=st.binary(max_size=80), deploy=st.booleans())
def test_a_signed_transaction_leads_back_to_its_key_and_is_the_same_every_time(
    nonce: int, value_wei: int, data: bytes, deploy: bool
) -> None:
    key = dev_key(0)
    unsigned = UnsignedTransaction(
        1338, nonce, None if deploy else key.address, data, value_wei, 100_000, 10**11, 10**9
    )
    signed = key.sign_transaction(unsigned)
    assert signed == key.sign_transaction(unsigned)
    assert recover_transaction_sender(signed.raw) == key.address


def test_contracts_of_the_first_account_stand_where_the_official_client_expects_them() -> None:
    assert [contract_address(dev_key(0).address, nonce) for nonce in (0, 1, 3, 4)] == [
        "0x5fbdb2315678afecb367f032d93f642f64180aa3",
        "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512",
        "0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9",
        "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9",
    ]
    assert contract_address(dev_key(0).address, 200) != contract_address(dev_key(0).address, 300)
