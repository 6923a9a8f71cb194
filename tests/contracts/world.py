"""A chain in process with the contracts deployed as the program deploys them, and a cast of actors.

Rules kept here
- The bytes under test are the committed artifacts; nothing is compiled for them.
- A refusal is an exception with the contract's own text, so a test names the guard that it expects.
- Everything between `world.aside()` and its end is undone.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import boa
from eth_abi.abi import decode, encode
from eth_account import Account
from eth_hash.auto import keccak
from vyper.compiler import compile_code

from manyhands.chain.contracts import (
    DeploymentTerms,
    artifact,
    case_id,
    deployment_plan,
    encode_call,
    planned_addresses,
    vote_digest,
)

TOKENS = Path(__file__).parent / "tokens"
DAY = 86_400
URL = "https://storage.example/jobs/1/results.json"
HASH = "0" * 40
FUND_MINOR = 1_000
COMPLETE, CANCELLED, TO_CANCEL = 4, 5, 6
LIVE = (1, 2, 6)


class Refused(Exception):
    """A contract reverted; `reason` is its text, "" when it gave none."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Event(dict[str, Any]):
    """One decoded log: its arguments, with `event` and `address`."""


@functools.cache
def compiled(name: str) -> tuple[list[dict[str, Any]], bytes]:
    out = compile_code((TOKENS / f"{name}.vy").read_text(), output_formats=["abi", "bytecode"])
    return out["abi"], bytes.fromhex(out["bytecode"][2:])


def actor(name: str) -> str:
    """An address that nobody has used, the same for the same name."""
    return Account.from_key(keccak(name.encode())).address.lower()


def juror_key(number: int) -> Any:
    return Account.from_key(keccak(f"juror {number}".encode()))


class Peek(NamedTuple):
    """An escrow's packed words, read past its views: a hundred times faster, compared with them in a test."""

    status: int
    expires_at: int
    cancel_deadline: int
    freezes: int
    frozen_until: int
    fund: int
    paid: int
    fees: int
    cap: int
    reserved: int
    credited: int
    balance: int

    @property
    def remaining(self) -> int:
        held = self.fees + self.credited
        return max(0, self.balance - held) if self.status in LIVE else 0


class World:
    """The deployed contracts and one job's cast."""

    owner = actor("owner")
    requester_admin = owner
    launcher = actor("launcher")
    recording = actor("recording oracle")
    reputation = actor("reputation oracle")
    exchange = actor("exchange oracle")
    outsider = actor("outsider")
    worker = actor("honest worker")
    other_worker = actor("other worker")
    reporter = actor("reporter")
    jury_operator = actor("jury operator")
    token_maker = actor("token maker")

    def __init__(self, terms: DeploymentTerms | None = None, *, code: Mapping[str, bytes] | None = None) -> None:
        """code  deployment bytecode that takes the place of a contract's own, by its name"""
        self.env = boa.env
        self.terms = terms or DeploymentTerms(
            jury_operator=self.jury_operator, slashers=(self.owner,), minimum_stake_minor=100, slash_minor=60
        )
        self.abis: dict[str, list[dict[str, Any]]] = {}
        self.at = planned_addresses(self.owner)
        for step in deployment_plan(self.owner, terms=self.terms):
            if step.creates is None:
                assert step.to is not None
                self._run(step.to, step.data, self.owner)
            else:
                data = step.data
                for name, other in (code or {}).items():
                    own = artifact(name).bytecode
                    data = other + data[len(own) :] if data.startswith(own) else data
                _, computation = self.env.deploy(sender=self.owner, bytecode=data, override_address=_boa(step.creates))
                assert not computation.is_error, f"{step.purpose}: {_reason(bytes(computation.output))}"
        self.chain_id = int.from_bytes(
            self.env.execute_code(override_bytecode=bytes.fromhex("465f5260205ff3"), gas=100_000).output, "big"
        )
        self.token = self.at["TestToken"]
        self.gas_used = 0
        self.events: list[Event] = []
        for holder in (self.launcher, self.outsider):
            self.send("TestToken", self.token, "transfer", holder, 10**12, sender=self.owner)
        self.send("TestToken", self.token, "approve", self.at["Staking"], 2**256 - 1, sender=self.launcher)
        self.send("TestToken", self.token, "approve", self.at["EscrowFactory"], 2**256 - 1, sender=self.launcher)
        self.send("Staking", self.at["Staking"], "stake", 1_000, sender=self.launcher)

    # --- sending and asking ---

    def send(self, contract: str, to: str, function: str, *arguments: object, sender: str) -> Any:
        """Sends a transaction; returns what the function returns. Logs are in `events` until the next one.

        raises  Refused with the contract's text
        """
        return self._output(contract, to, function, arguments, sender, modify=True)

    def ask(self, contract: str, to: str, function: str, *arguments: object) -> Any:
        return self._output(contract, to, function, arguments, self.outsider, modify=False)

    def deploy(self, name: str, *arguments: object) -> str:
        """Deploys a contract of the tests' own (tokens/NAME.vy) and returns its address."""
        abi, code = compiled(name)
        self.abis[name] = abi
        types = next(([i["type"] for i in entry["inputs"]] for entry in abi if entry["type"] == "constructor"), [])
        address, _ = self.env.deploy_code(sender=self.token_maker, bytecode=code + encode(types, list(arguments)))
        return str(address).lower()

    def _output(
        self, contract: str, to: str, function: str, arguments: tuple[object, ...], sender: str, *, modify: bool
    ) -> Any:
        if contract in self.abis:
            entry = next(e for e in self.abis[contract] if e["type"] == "function" and e["name"] == function)
            types = [i["type"] for i in entry["inputs"]]
            data = keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, list(arguments))
        else:
            entry = artifact(contract).function(function, len(arguments))
            data = encode_call(contract, function, *arguments)
        output = self._run(to, data, sender, modify=modify)
        kinds = [_abi_type(parameter) for parameter in entry["outputs"]]
        values = decode(kinds, output)
        return values[0] if len(values) == 1 else values if values else None

    def _run(self, to: str, data: bytes, sender: str, *, modify: bool = True, gas: int | None = None) -> bytes:
        computation = self.env.execute_code(
            to_address=_boa(to), sender=_boa(sender), data=data, is_modifying=modify, gas=gas
        )
        self.gas_used = computation.get_gas_used()
        if computation.is_error:
            raise Refused(_reason(bytes(computation.output)))
        if modify:
            self.events = [self._decode_log(*entry) for entry in computation.get_log_entries()]
        return bytes(computation.output)

    def raw(self, to: str, data: bytes, *, sender: str, gas: int | None = None) -> bytes:
        """gas  limit of the transaction; None = as much as a block takes"""
        return self._run(to, data, sender, gas=gas)

    def _decode_log(self, address: bytes, topics: tuple[int, ...], data: bytes) -> Event:
        event = Event(address="0x" + address.hex(), event="")
        entry = _events_by_topic().get(topics[0])
        if entry is None:
            return event
        indexed = [i for i in entry["inputs"] if i["indexed"]]
        plain = [i for i in entry["inputs"] if not i["indexed"]]
        for parameter, topic in zip(indexed, topics[1:], strict=True):
            event[parameter["name"]] = decode([parameter["type"]], topic.to_bytes(32, "big"))[0]
        values = decode([i["type"] for i in plain], data)
        event.update(zip((i["name"] for i in plain), values, strict=True))
        event["event"] = entry["name"]
        return event

    def seen(self, name: str) -> list[Event]:
        """The events of that name in the last transaction."""
        return [event for event in self.events if event["event"] == name]

    # --- time ---

    def pass_time(self, seconds: int) -> None:
        self.env.time_travel(seconds=seconds)

    def pass_blocks(self, blocks: int) -> None:
        self.env.time_travel(blocks=blocks)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """What happens inside is undone."""
        with self.env.anchor():
            yield

    # --- one job ---

    def balance(self, account: str, token: str | None = None) -> int:
        return int(self.ask("TestToken", token or self.token, "balanceOf", account))

    def create(self, *, token: str | None = None, launcher: str | None = None) -> str:
        return str(
            self.send(
                "EscrowFactory", self.at["EscrowFactory"], "createEscrow", token or self.token, "job-1",
                sender=launcher or self.launcher,
            )
        )  # fmt: skip

    def job(self, fund_minor: int = FUND_MINOR, *, fees_bp: tuple[int, int, int] = (0, 0, 0), token: str = "") -> str:
        """A funded job that is set up, launched in one transaction."""
        return str(
            self.send(
                "EscrowFactory", self.at["EscrowFactory"], "launch", token or self.token, fund_minor, "job-1",
                self.reputation, self.recording, self.exchange, list(fees_bp), URL, HASH, sender=self.launcher,
            )
        )  # fmt: skip

    def job_with_token(self, token: str, fund_minor: int = FUND_MINOR) -> str:
        """As `job`, in a token of the tests' own that the launcher holds."""
        escrow = self.create(token=token)
        self.send("TestToken", token, "transfer", escrow, fund_minor, sender=self.launcher)
        self.escrow(escrow, "setup", self.reputation, self.recording, self.exchange, URL, HASH, sender=self.launcher)
        return escrow

    def escrow(self, escrow: str, function: str, *arguments: object, sender: str) -> Any:
        return self.send("Escrow", escrow, function, *arguments, sender=sender)

    def of(self, escrow: str, function: str, *arguments: object) -> Any:
        return self.ask("Escrow", escrow, function, *arguments)

    def peek(self, escrow: str, token: str | None = None) -> Peek:
        """The state that decides which calls go through, from storage words 0 (head), 1 (purse), 3 (terms), 4, 5."""
        head, purse, terms, reserved, credited = (
            int(self.env.get_storage(_boa(escrow), slot)) for slot in (0, 1, 3, 4, 5)
        )
        fund = terms & (2**96 - 1)
        bps = [(terms >> shift) & 0xFFFF for shift in (192, 208, 224)]
        parts = (terms >> 240) & 255
        return Peek(
            status=(head >> 160) & 255,
            expires_at=(head >> 168) & (2**40 - 1),
            cancel_deadline=(head >> 208) & (2**40 - 1),
            freezes=head >> 248,
            frozen_until=(purse >> 160) & (2**40 - 1),
            fund=fund,
            paid=(terms >> 96) & (2**96 - 1),
            fees=sum(fund * bp // 10_000 for bp in bps),
            cap=fund // parts + 1 if parts else 0,
            reserved=reserved,
            credited=credited,
            balance=self.balance(escrow, token),
        )

    def reserve(self, escrow: str, amount: int, *, sender: str = "") -> None:
        self.escrow(escrow, "reserve", amount, b"\x01" * 32, sender=sender or self.recording)

    def pay(
        self,
        escrow: str,
        amounts: dict[str, int],
        *,
        payout_id: str = "payout-1",
        force: bool = False,
        sender: str = "",
    ) -> None:
        self.escrow(
            escrow, "bulkPayOut", list(amounts), list(amounts.values()), URL, HASH, payout_id, force,
            sender=sender or self.reputation,
        )  # fmt: skip

    def owed_minor(self, escrow: str) -> int:
        return int(self.of(escrow, "reservedFunds") + self.of(escrow, "creditedFunds"))

    # --- a jury ---

    def open_case(self, escrow: str, report: bytes, *, jurors: int = 3, release: int = 0) -> bytes:
        names = [juror_key(n).address for n in range(jurors)]
        function, more = ("openReleaseCase", (release,)) if release else ("openCase", ())
        return bytes(
            self.send(
                "Jury", self.at["Jury"], function, escrow, report, names, self.reporter, *more,
                sender=self.jury_operator,
            )
        )  # fmt: skip

    def vote(self, case: bytes, uphold: bool, jurors: list[int]) -> list[bytes]:
        digest = vote_digest(self.chain_id, self.at["Jury"], case, uphold)
        return [bytes(juror_key(n).unsafe_sign_hash(digest).signature) for n in jurors]

    def rule(self, case: bytes, uphold: bool, signatures: list[bytes]) -> None:
        self.send("Jury", self.at["Jury"], "rule", case, uphold, signatures, sender=self.jury_operator)

    def case_id(self, escrow: str, report: bytes) -> bytes:
        return case_id(self.chain_id, self.at["Jury"], escrow, report)


@functools.cache
def _events_by_topic() -> dict[int, dict[str, Any]]:
    entries = {}
    for name in ("TestToken", "Staking", "Escrow", "EscrowFactory", "KVStore", "Jury"):
        for entry in artifact(name).abi:
            if entry["type"] == "event":
                signature = f"{entry['name']}({','.join(i['type'] for i in entry['inputs'])})"
                entries[int.from_bytes(keccak(signature.encode()), "big")] = entry
    return entries


def _abi_type(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if kind.startswith("tuple"):
        return "(" + ",".join(_abi_type(c) for c in parameter["components"]) + ")" + kind.removeprefix("tuple")
    return kind


def _boa(address: str) -> Any:
    from boa.util.abi import Address

    return Address(address)


def _reason(output: bytes) -> str:
    if output[:4] == bytes.fromhex("08c379a0"):
        return str(decode(["string"], output[4:])[0])
    if output[:4] == keccak(b"OwnableUnauthorizedAccount(address)")[:4]:
        return "OwnableUnauthorizedAccount"
    if output[:4] == bytes.fromhex("4e487b71"):
        return f"panic {int.from_bytes(output[4:], 'big'):#x}"
    return output.hex()
