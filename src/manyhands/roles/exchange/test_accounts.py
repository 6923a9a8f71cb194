"""Accounts: passwords, sessions and wallets, each rule from both sides."""

from __future__ import annotations

import asyncio

import pytest
from eth_account import Account as EthAccount
from hypothesis import given
from hypothesis import strategies as st

from manyhands.protocol.ids import SeededIds
from manyhands.roles.exchange.accounts import (
    CACHE_MS,
    FAILURES_MAX,
    SESSION_MS,
    SIMULATED_COST,
    WINDOW_MS,
    Account,
    Accounts,
    Caller,
    check_name,
    hash_password,
    open_key,
    password_fits,
    seal_key,
)
from manyhands.roles.exchange.errors import (
    BadName,
    BadPassword,
    NameTaken,
    NotSignedIn,
    ScopeMissing,
    TooManyAttempts,
    WalletUnreadable,
    WrongNameOrPassword,
    WrongRole,
)
from manyhands.store.database import Database, rows

SECRET = b"the operator's own secret"
PASSWORD = "correct horse battery"


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock=clock, ids=SeededIds(1), wallet_secret=SECRET)


async def test_a_new_account_is_signed_in_and_known_by_its_session(accounts: Accounts) -> None:
    token, account = await accounts.sign_up(" Quick  Otter ", PASSWORD)
    assert account.name == "Quick Otter" and not account.simulated
    assert await accounts.who_is(token) == account
    assert await accounts.who_is(token + "x") is None
    assert await accounts.need(token) == account
    with pytest.raises(NotSignedIn):
        await accounts.need("")


async def test_signing_in_again_gives_another_session_of_the_same_account(accounts: Accounts) -> None:
    first, account = await accounts.sign_up("otter", PASSWORD)
    second, same = await accounts.sign_in("OTTER", PASSWORD)
    assert same == account and first != second
    assert len(await accounts.sessions(account.worker)) == 2


@pytest.mark.parametrize(
    ("name", "password"), [("otter", "wrong password"), ("nobody", PASSWORD), ("otter", "x" * 201)]
)
async def test_a_wrong_name_and_a_wrong_password_get_the_same_answer(
    accounts: Accounts, name: str, password: str
) -> None:
    await accounts.sign_up("otter", PASSWORD)
    with pytest.raises(WrongNameOrPassword, match="name or password is wrong"):
        await accounts.sign_in(name, password)


async def test_passwords_cannot_be_tried_at_leisure(accounts: Accounts, clock: Clock) -> None:
    await accounts.sign_up("otter", PASSWORD, simulated=True)
    for _ in range(FAILURES_MAX):
        with pytest.raises(WrongNameOrPassword):
            await accounts.sign_in("otter", "wrong password")
    with pytest.raises(TooManyAttempts, match="too many"):
        await accounts.sign_in("otter", PASSWORD)
    clock.now_ms += WINDOW_MS
    await accounts.sign_in("otter", PASSWORD)


async def test_a_name_is_taken_once_whoever_comes_first(accounts: Accounts) -> None:
    tries = [accounts.sign_up("otter", f"password number {n}", simulated=True) for n in range(4)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, NameTaken) for one in outcomes) == 3


async def test_a_sign_up_whose_reply_was_lost_can_be_sent_again(accounts: Accounts) -> None:
    _, first = await accounts.sign_up("otter", PASSWORD, simulated=True)
    _, again = await accounts.sign_up("otter", PASSWORD, simulated=True)
    assert first == again


@pytest.mark.parametrize("name", ["", "a", "x" * 41, "<b>bold</b>", "tab\tseparated\x00", "-dash first"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        check_name(name)


@pytest.mark.parametrize("name", ["Zoë", "王小明", "quick-otter 7", "J. Doe"])
def test_names_of_people_are_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("password", ["short", "x" * 201])
async def test_a_bad_password_is_refused(accounts: Accounts, password: str) -> None:
    with pytest.raises(BadPassword):
        await accounts.sign_up("otter", password)


async def test_an_ended_session_opens_nothing_here_at_once_and_elsewhere_soon(
    accounts: Accounts, database: Database, clock: Clock
) -> None:
    other_process = Accounts(database, clock=clock, ids=SeededIds(2), wallet_secret=SECRET)
    token, _ = await accounts.sign_up("otter", PASSWORD, simulated=True)
    assert await other_process.who_is(token) is not None
    await accounts.sign_out(token)
    assert await accounts.who_is(token) is None
    clock.now_ms += CACHE_MS
    assert await other_process.who_is(token) is None


async def test_a_session_ends_by_itself_and_is_forgotten(accounts: Accounts, database: Database, clock: Clock) -> None:
    token, _ = await accounts.sign_up("otter", PASSWORD, simulated=True)
    clock.now_ms += SESSION_MS
    assert await accounts.who_is(token) is None
    await accounts.tidy()
    async with database.connection() as connection:
        assert await rows(connection, "select * from exchange.sessions") == []


async def test_a_worker_ends_own_sessions_only(accounts: Accounts) -> None:
    token, account = await accounts.sign_up("otter", PASSWORD, simulated=True)
    _, outsider = await accounts.sign_up("outsider", PASSWORD, simulated=True)
    (session,) = await accounts.sessions(account.worker)
    assert session.session_id != token, "what names a session does not open it"
    assert not await accounts.end_session(outsider.worker, session.session_id)
    assert await accounts.end_session(account.worker, session.session_id)
    assert await accounts.who_is(token) is None


async def test_no_secret_stands_in_the_tables(accounts: Accounts, database: Database) -> None:
    token, account = await accounts.sign_up("otter", PASSWORD)
    async with database.connection() as connection:
        told = str(await rows(connection, "select * from exchange.accounts"))
        told += str(await rows(connection, "select * from exchange.sessions"))
        ((sealed,),) = await rows(connection, "select wallet_sealed from exchange.accounts")
    private_key = open_key(bytes(sealed), worker=account.worker, secret=SECRET)
    assert EthAccount.from_key(private_key).address.lower() == account.worker
    for secret in (token, PASSWORD, private_key.hex()):
        assert secret not in told


async def test_a_wallet_signs_for_its_own_address(accounts: Accounts) -> None:
    _, account = await accounts.sign_up("otter", PASSWORD, simulated=True)
    signature = await accounts.sign_digest(account.worker, bytes(range(32)))
    assert EthAccount._recover_hash(bytes(range(32)), signature=signature).lower() == account.worker
    with pytest.raises(NotSignedIn):
        await accounts.sign_digest("0x" + "0" * 40, bytes(32))


@given(key=st.binary(min_size=32, max_size=32), flipped=st.integers(0, 59), bit=st.integers(0, 7))
def test_a_sealed_key_opens_for_its_address_and_secret_alone(key: bytes, flipped: int, bit: int) -> None:
    sealed = seal_key(key, worker="0xa", secret=SECRET, nonce=bytes(12))
    assert open_key(sealed, worker="0xa", secret=SECRET) == key
    changed = bytes(byte ^ (1 << bit) if at == flipped else byte for at, byte in enumerate(sealed))
    for wrong in (
        {"sealed": sealed, "worker": "0xb", "secret": SECRET},
        {"sealed": sealed, "worker": "0xa", "secret": b"another secret, long enough"},
        {"sealed": changed, "worker": "0xa", "secret": SECRET},
    ):
        with pytest.raises(WalletUnreadable):
            open_key(**wrong)  # type: ignore[arg-type]  # the values fit, their common type does not say so


def test_a_password_fits_its_own_hash_alone() -> None:
    stored = hash_password(PASSWORD, salt=bytes(16), cost=SIMULATED_COST)
    assert password_fits(PASSWORD, stored) and not password_fits(PASSWORD + " ", stored)
    assert not password_fits(PASSWORD, "") and not password_fits("", stored)
    assert stored != hash_password(PASSWORD, salt=b"\x01" * 16, cost=SIMULATED_COST)


async def test_an_account_takes_worker_and_requester_by_itself_and_nothing_else(accounts: Accounts) -> None:
    token, account = await accounts.sign_up("otter", PASSWORD, simulated=True, role="requester")
    assert account.roles == ("requester",)
    await accounts.take_role(account.worker, "worker")
    await accounts.take_role(account.worker, "worker")
    assert (await accounts.need(token)).roles == ("requester", "worker")
    for role in ("operator", "workpool", "emperor"):
        with pytest.raises(WrongRole):
            await accounts.take_role(account.worker, role)
        with pytest.raises(WrongRole):
            await accounts.sign_up(f"would-be {role}", PASSWORD, simulated=True, role=role)
    await accounts.take_role(account.worker, "operator", by_operator=True)
    assert "operator" in (await accounts.need(token)).roles


def test_a_caller_is_let_in_by_role_and_a_key_by_its_scope_too() -> None:
    person = Caller(Account("0x1", "otter", roles=("worker",)), None, 0)
    assert person.check(roles=("worker", "workpool"), scope="work") == person.account
    assert person.check() == person.account
    with pytest.raises(WrongRole, match="requester"):
        person.check(roles=("requester",), scope="jobs")
    key = Caller(person.account, frozenset({"work"}), 0)
    assert key.check(roles=("worker",), scope="work") == person.account
    with pytest.raises(ScopeMissing, match="earnings"):
        key.check(roles=("worker",), scope="earnings")
    with pytest.raises(ScopeMissing, match="by a person"):
        key.check()


async def test_a_session_tells_how_and_where_it_began_and_others_can_be_ended_together(accounts: Accounts) -> None:
    first, account = await accounts.sign_up("otter", PASSWORD, simulated=True, device="Phone\n\x00" + "x" * 300)
    second, _ = await accounts.sign_in("otter", PASSWORD, device="Desk")
    assert {(one.way, one.device[:5], len(one.device)) for one in await accounts.sessions(account.worker)} == {
        ("password", "Phone", 120), ("password", "Desk", 4),
    }  # fmt: skip
    assert await accounts.who_is(first) == account
    assert await accounts.end_other_sessions(account.worker, second) == 1
    assert await accounts.who_is(first) is None
    assert await accounts.who_is(second) == account


async def test_a_stranger_cannot_end_a_session(accounts: Accounts) -> None:
    token, account = await accounts.sign_up("otter", PASSWORD, simulated=True)
    _, outsider = await accounts.sign_up("outsider", PASSWORD, simulated=True)
    (session,) = await accounts.sessions(account.worker)
    assert not await accounts.end_session(outsider.worker, session.session_id)
    assert await accounts.who_is(token) == account
