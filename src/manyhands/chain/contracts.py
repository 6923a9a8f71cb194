"""What the rest of the program must know about the contracts: their code, their words, their gas, their deployment.

Rules kept here
- Pure: nothing here asks a chain. A transaction and its gas limit can be made before the previous one is mined.
- The artifacts are compiled from `contracts/*.vy` by `contracts/build.py`; a test compiles again and compares.
- Gas limits are what `benchmarks/gas.py` measured plus a margin; a limit costs nothing unless it is used.
- Addresses are lower-case hexadecimal with 0x; amounts are whole token base units ("minor").

>>> DEPLOYMENT[0].contract
'TestToken'
>>> gas_limit("bulkPayOut", recipients=100) > gas_limit("bulkPayOut", recipients=1)
True
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from eth_abi.abi import decode, encode
from eth_hash.auto import keccak

from .errors import ChainError
from .keys import contract_address

ContractName = Literal["TestToken", "Staking", "Escrow", "EscrowFactory", "KVStore", "Jury"]
CONTRACTS: tuple[ContractName, ...] = ("TestToken", "Staking", "Escrow", "EscrowFactory", "KVStore", "Jury")

ZERO_ADDRESS = "0x" + "0" * 40
MAX_RECIPIENTS = 100
"""Recipients of one bulkPayOut. More are split by the ledger, not refused."""
MAX_FEES_BP = 3_000
"""Basis points that the three oracles' fees may take together."""
BP_ONE = 10_000

FREEZE_SECONDS = 7 * 86_400
CANCEL_WINDOW_SECONDS = 3 * 86_400
LAST_RESORT_SECONDS = 30 * 86_400
CASE_SECONDS = 14 * 86_400
HAND_IN_SECONDS = 7 * 86_400
REPORTER_SHARE_BP = 5_000
"""Share of a slash that the first reporter gets; the rest goes in equal parts to the jurors of the majority."""

ESCROW_STATUSES: dict[int, str] = {
    0: "Launched",
    1: "Pending",
    2: "Partial",
    3: "Paid",
    4: "Complete",
    5: "Cancelled",
    6: "ToCancel",
}
"""HUMAN's numbers. 3 is never set by any contract here or there."""


class ContractUnknown(ChainError):
    """There is no contract, function or gas figure of that name."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"no {kind} is called {name!r}", cure=f"Known are: {', '.join(sorted(known))}.")


class Artifact(msgspec.Struct, frozen=True):
    """One compiled contract: its ABI, the code that deploys it, the code that then stands on chain."""

    name: str
    abi: tuple[dict[str, Any], ...]
    bytecode: bytes
    runtime: bytes

    def function(self, name: str, arguments: int | None = None) -> dict[str, Any]:
        """The ABI entry of a function; `arguments` picks among overloads, otherwise the longest is meant.

        raises  ContractUnknown
        """
        entries = [entry for entry in self.abi if entry["type"] == "function" and entry["name"] == name]
        if arguments is not None:
            entries = [entry for entry in entries if len(entry["inputs"]) == arguments]
        if not entries:
            known = [str(entry["name"]) for entry in self.abi if entry["type"] == "function"]
            raise ContractUnknown(f"function of {self.name}", name, known)
        return max(entries, key=lambda entry: len(entry["inputs"]))


@functools.cache
def artifact(name: str) -> Artifact:
    """The compiled contract of that name.

    raises  ContractUnknown
    """
    if name not in CONTRACTS:
        raise ContractUnknown("contract", name, CONTRACTS)
    text = importlib.resources.files(__package__).joinpath("artifacts", f"{name}.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return Artifact(
        name=name,
        abi=tuple(data["abi"]),
        bytecode=bytes.fromhex(data["bytecode"].removeprefix("0x")),
        runtime=bytes.fromhex(data["runtime"].removeprefix("0x")),
    )


def encode_call(contract: str, function: str, *arguments: object) -> bytes:
    """Data of a transaction that calls a function.

    contract   name of an artifact; `Escrow` for any escrow address
    arguments  as eth_abi takes them: addresses as text, numbers as int, bytes32 as bytes
    returns    4 bytes of selector and the encoded arguments
    raises     ContractUnknown; eth_abi's EncodingError for a value that does not fit its type

    >>> encode_call("TestToken", "approve", ZERO_ADDRESS, 1).hex()[:8]
    '095ea7b3'
    """
    entry = artifact(contract).function(function, len(arguments))
    types = [_type_text(parameter) for parameter in entry["inputs"]]
    selector = keccak(f"{function}({','.join(types)})".encode())[:4]
    return selector + encode(types, list(arguments))


def encode_deploy(contract: str, *arguments: object) -> bytes:
    """Data of a transaction that deploys a contract with these constructor arguments.

    raises  ContractUnknown; eth_abi's EncodingError for a value that does not fit its type
    """
    made = artifact(contract)
    inputs: list[dict[str, Any]] = next((entry["inputs"] for entry in made.abi if entry["type"] == "constructor"), [])
    return made.bytecode + encode([_type_text(parameter) for parameter in inputs], list(arguments))


def _type_text(parameter: dict[str, Any]) -> str:
    kind = str(parameter["type"])
    if kind.startswith("tuple"):
        inner = ",".join(_type_text(component) for component in parameter["components"])
        return f"({inner}){kind.removeprefix('tuple')}"
    return kind


# --- money of one escrow, as the contract counts it ---


def fees_minor(fund_minor: int, fees_bp: Sequence[int]) -> tuple[int, int, int]:
    """What the reputation, recording and exchange oracle get at most; held back while the job runs.

    fund_minor  base units that the escrow holds when it is set up
    fees_bp     basis points for reputation, recording, exchange oracle, in this order
    returns     base units, each rounded down; the rest of the fund is for workers

    >>> fees_minor(1_000_000, (300, 200, 0))
    (30000, 20000, 0)
    """
    reputation, recording, exchange = (fund_minor * bp // BP_ONE for bp in fees_bp)
    return reputation, recording, exchange


def fees_for_pay_minor(fund_minor: int, fees_bp: Sequence[int], paid_minor: int) -> tuple[int, int, int]:
    """What the oracles get when a job ends: of `fees_minor`, the share of the workers' funds that was paid.

    A job set up by HUMAN's `setup` owes this only when it is cancelled; completed, it owes `fees_minor`.

    paid_minor  base units paid or credited to workers, top-ups of the fund included
    returns     base units, each rounded down; what is not owed is refunded

    >>> fees_for_pay_minor(1_000_000, (300, 200, 0), 95_000)
    (3000, 2000, 0)
    """
    most = fees_minor(fund_minor, fees_bp)
    for_workers_minor = fund_minor - sum(most)
    if for_workers_minor == 0:
        return 0, 0, 0
    paid_minor = min(paid_minor, for_workers_minor)
    reputation, recording, exchange = (fee * paid_minor // for_workers_minor for fee in most)
    return reputation, recording, exchange


def fund_for_minor(workers_minor: int, fees_bp: Sequence[int]) -> int:
    """The least fund that leaves at least so much for workers after fees.

    >>> fund_for_minor(950_000, (300, 200, 0))  # its fees are rounded down
    999998
    """
    fund_minor = -(-workers_minor * BP_ONE // (BP_ONE - sum(fees_bp)))
    while fund_minor > 0 and fund_minor - 1 - sum(fees_minor(fund_minor - 1, fees_bp)) >= workers_minor:
        fund_minor -= 1
    return fund_minor


def slash_shares_minor(slashed_minor: int, majority: int) -> tuple[int, int]:
    """How the jury's contract shares a slash: (the first reporter's part, each majority juror's part).

    slashed_minor  base units of the staking token, after the staking contract's fee
    majority       jurors who signed the ruling that was carried out, at least one

    >>> slash_shares_minor(1_000, 3)
    (502, 166)
    """
    each = (slashed_minor - slashed_minor * REPORTER_SHARE_BP // BP_ONE) // majority
    return slashed_minor - each * majority, each


# --- gas ---


class GasFigure(msgspec.Struct, frozen=True):
    """Gas of a call, rounded up from what `benchmarks/gas.py` measures: one item, each further item, each further word.

    A word is 32 bytes of text. The figure of a further recipient also covers a token dearer than TestToken.
    """

    base: int
    per_item: int = 0
    per_word: int = 0


GAS_MARGIN_BP = 13_000
"""A limit is 1.3 times the figure."""

GAS_FIGURES: dict[str, GasFigure] = {
    "transfer": GasFigure(60_000),
    "approve": GasFigure(50_000),
    "mint": GasFigure(75_000),
    "createEscrow": GasFigure(230_000),
    "createFundAndSetupEscrow": GasFigure(650_000, per_word=25_000),
    "launch": GasFigure(600_000, per_word=25_000),
    "setup": GasFigure(400_000, per_word=25_000),
    "setupWithFees": GasFigure(400_000, per_word=25_000),
    "setDailyCap": GasFigure(60_000),
    "anchor": GasFigure(90_000),
    "anchorAndReserve": GasFigure(120_000),
    "reserve": GasFigure(80_000),
    "storeResults": GasFigure(300_000, per_word=25_000),
    "bulkPayOut": GasFigure(330_000, per_item=52_000, per_word=25_000),
    "complete": GasFigure(250_000),
    "cancel": GasFigure(250_000),
    "requestCancellation": GasFigure(150_000),
    "withdraw": GasFigure(90_000),
    "claim": GasFigure(90_000),
    "claimTo": GasFigure(90_000),
    "redirectCredit": GasFigure(80_000),
    "freeze": GasFigure(80_000),
    "openCase": GasFigure(250_000, per_item=30_000),
    "openReleaseCase": GasFigure(280_000, per_item=30_000),
    "rule": GasFigure(300_000, per_item=60_000),
    "stake": GasFigure(190_000),
    "unstake": GasFigure(130_000),
    "slash": GasFigure(130_000),
    "set": GasFigure(80_000, per_word=25_000),
    "setBulk": GasFigure(80_000, per_item=70_000, per_word=25_000),
    "setFactory": GasFigure(55_000),
    "setJury": GasFigure(55_000),
    "setKVStoreAddress": GasFigure(55_000),
    "addSlasher": GasFigure(55_000),
    "deploy TestToken": GasFigure(1_200_000),
    "deploy Staking": GasFigure(2_300_000),
    "deploy Escrow": GasFigure(5_600_000),
    "deploy EscrowFactory": GasFigure(1_300_000),
    "deploy KVStore": GasFigure(500_000),
    "deploy Jury": GasFigure(2_100_000),
}


def decode_call(contract: str, function: str, data: bytes) -> tuple[Any, ...] | None:
    """The arguments of call data for this function, None for another function's. raises ChainError for an unknown name

    >>> decode_call("Escrow", "reserve", encode_call("Escrow", "reserve", 5, bytes(32)))[0]
    5
    """
    for entry in artifact(contract).abi:
        if entry["type"] == "function" and entry["name"] == function:
            kinds = [_type_text(parameter) for parameter in entry["inputs"]]
            if data[:4] == keccak(f"{function}({','.join(kinds)})".encode())[:4]:
                return tuple(decode(kinds, data[4:]))
    return None


def gas_limit(call: str, *, recipients: int = 1, text_bytes: int = 0) -> int:
    """A gas limit that is enough for a call, known without asking a node.

    call        a function's name, or "deploy NAME"
    recipients  recipients of bulkPayOut, signatures of rule, jurors of openCase, keys of setBulk
    text_bytes  length of all text arguments together beyond the 160 bytes of the measured calls
    returns     gas, margin included
    raises      ContractUnknown
    """
    figure = GAS_FIGURES.get(call)
    if figure is None:
        raise ContractUnknown("gas figure", call, list(GAS_FIGURES))
    words = -(-max(0, text_bytes - 160) // 32)
    gas = figure.base + figure.per_item * (recipients - 1) + figure.per_word * words
    return gas * GAS_MARGIN_BP // BP_ONE


# --- jury ---


def case_id(chain_id: int, jury: str, escrow: str, report_hash: bytes, release_minor: int = 0) -> bytes:
    """The id that the jury's contract gives to a case: 32 bytes, the same every time.

    release_minor  0 for a misuse report; else the base units a release case would take out of the reserve
    """
    types = ["uint256", "address", "address", "bytes32", "uint256"]
    return keccak(encode(types, [chain_id, jury, escrow, report_hash, release_minor]))


def vote_digest(chain_id: int, jury: str, case_id: bytes, uphold: bool) -> bytes:
    """The 32 bytes that a juror's key signs for one ruling (EIP-712), as the contract computes them.

    jury     address of the jury's contract
    case_id  32 bytes
    returns  the digest; the signature handed to `rule` is r, s, v in 65 bytes with v 27 or 28
    """
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [
                keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak(b"Manyhands Jury"),
                keccak(b"1"),
                chain_id,
                jury,
            ],
        )
    )
    vote = keccak(
        encode(["bytes32", "bytes32", "bool"], [keccak(b"Vote(bytes32 caseId,bool uphold)"), case_id, uphold])
    )
    return keccak(b"\x19\x01" + domain + vote)


def vote_typed_data(chain_id: int, jury: str, case_id: bytes, uphold: bool) -> dict[str, Any]:
    """The same vote as a wallet shows it (eth_signTypedData_v4), signing to the same digest as `vote_digest`."""
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Vote": [{"name": "caseId", "type": "bytes32"}, {"name": "uphold", "type": "bool"}],
        },
        "primaryType": "Vote",
        "domain": {"name": "Manyhands Jury", "version": "1", "chainId": chain_id, "verifyingContract": jury},
        "message": {"caseId": "0x" + case_id.hex(), "uphold": uphold},
    }


# --- deployment ---


class DeploymentTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides when putting the contracts on a chain. The defaults suit a local chain.

    slash_minor    what an upheld report costs a launcher, in base units of the staking token
    jury_operator  key that opens jury cases; None = the deployer
    slashers       addresses that may slash beside the jury; on a real chain none
    """

    token_name: str = "Manyhands Test USD"  # noqa: S105  a token's name, not a password
    token_symbol: str = "tUSD"  # noqa: S105
    token_decimals: int = 6
    token_supply_minor: int = 10**27
    minimum_stake_minor: int = 10_000_000
    lock_period_blocks: int = 10
    slash_fee_percentage: int = 0
    duration_s: int = 8_640_000
    slash_minor: int = 10_000_000
    jury_operator: str | None = None
    slashers: tuple[str, ...] = ()


HUMAN_LOCAL_TERMS = DeploymentTerms(
    minimum_stake_minor=1,
    slash_minor=1,
    slashers=("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",),
)
"""As HUMAN's own local chain: one base unit of stake is enough, and dev account 0 is a slasher."""

Addresses = dict[str, str]
"""Contract name -> address, for every contract of the deployment, also those not deployed yet."""


class DeployStep(msgspec.Struct, frozen=True):
    """One deployment: the contract, and its constructor arguments from the addresses, terms and deployer."""

    contract: ContractName
    arguments: Callable[[Addresses, DeploymentTerms, str], tuple[object, ...]]


DEPLOYMENT: tuple[DeployStep, ...] = (
    DeployStep("TestToken", lambda at, t, who: (t.token_supply_minor, t.token_name, t.token_decimals, t.token_symbol)),
    DeployStep(
        "Staking",
        lambda at, t, who: (at["TestToken"], t.minimum_stake_minor, t.lock_period_blocks, t.slash_fee_percentage),
    ),
    # HUMAN's clients expect the factory at the deployer's nonce 3: the implementation of the escrow fills nonce 2.
    DeployStep("Escrow", lambda at, t, who: (at["TestToken"], who, who, t.duration_s, at["KVStore"])),
    DeployStep("EscrowFactory", lambda at, t, who: (at["Escrow"], at["Staking"], t.minimum_stake_minor, who)),
    DeployStep("KVStore", lambda at, t, who: ()),
    DeployStep("Jury", lambda at, t, who: (at["Staking"], at["EscrowFactory"], t.slash_minor, t.jury_operator or who)),
)
"""The order matters: from dev account 0 it lands on the addresses that HUMAN's SDK has built in for chain 1338."""


class PlannedTransaction(msgspec.Struct, frozen=True):
    """One transaction of a deployment, to be signed by the deployer with `nonce`.

    purpose  its meaning, unique within the deployment: the key under which an outbox remembers it
    to       None for a deployment
    creates  address that the deployment will have, else None
    """

    purpose: str
    nonce: int
    to: str | None
    data: bytes
    gas_limit: int
    creates: str | None = None


def planned_addresses(deployer: str, first_nonce: int = 0) -> Addresses:
    """Where the contracts will stand when this deployer sends the plan from this nonce on.

    >>> planned_addresses("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")["EscrowFactory"]
    '0xcf7ed3acca5a467e9e704c703e8d87f634fb0fc9'
    """
    return {step.contract: contract_address(deployer, first_nonce + i) for i, step in enumerate(DEPLOYMENT)}


def deployment_plan(
    deployer: str, *, first_nonce: int = 0, terms: DeploymentTerms | None = None
) -> tuple[PlannedTransaction, ...]:
    """Every transaction that puts the contracts on a chain and wires them, in the order of their nonces.

    deployer     address that signs all of them; it owns the contracts afterwards
    first_nonce  its next nonce; 0 from dev account 0 gives the addresses that HUMAN's SDK has built in
    returns      deployments first, then the wiring, which each contract accepts once
    """
    deployer = deployer.lower()
    agreed = terms or DeploymentTerms()
    at = planned_addresses(deployer, first_nonce)
    plan = [
        PlannedTransaction(
            purpose=f"deploy {step.contract}",
            nonce=first_nonce + i,
            to=None,
            data=encode_deploy(step.contract, *step.arguments(at, agreed, deployer)),
            gas_limit=gas_limit(f"deploy {step.contract}"),
            creates=at[step.contract],
        )
        for i, step in enumerate(DEPLOYMENT)
    ]
    wiring: list[tuple[str, str, str]] = [
        ("Staking", "setFactory", at["EscrowFactory"]),
        ("Staking", "addSlasher", at["Jury"]),
        ("EscrowFactory", "setKVStoreAddress", at["KVStore"]),
        ("EscrowFactory", "setJury", at["Jury"]),
        *(("Staking", "addSlasher", slasher) for slasher in agreed.slashers),
    ]
    for contract, function, argument in wiring:
        plan.append(
            PlannedTransaction(
                purpose=f"wire {contract}.{function} {argument}",
                nonce=first_nonce + len(plan),
                to=at[contract],
                data=encode_call(contract, function, argument),
                gas_limit=gas_limit(function),
            )
        )
    return tuple(plan)


# --- what a contract says when it refuses ---

REVERT_REASONS: dict[str, str] = {
    "Already anchored": "This batch is on chain already; nothing has to be done.",
    "Already initialized": "This escrow has its launcher already; make a new one through the factory.",
    "Already ruled": "The case has its ruling already; nothing has to be done.",
    "Already set": "This address is wired once and for all; deploy anew to change it.",
    "Address is already a slasher": "Nothing has to be done.",
    "Address is not a slasher": "Nothing has to be done.",
    "Amount too large": "An escrow holds at most 2^96-1 base units; split the job.",
    "Caller is not a slasher": "Only a named slasher, usually the jury's contract, can slash.",
    "Cap too small": "A daily cap is at least 1/30 of the funds; choose at most 30 parts.",
    "Case exists": "This report has its case already; use its id.",
    "Case lapsed": "The ruling came after fourteen days; the freeze has ended by itself.",
    "Credit has an owner": "Only the owner of this credit can move it, with claimTo.",
    "Daily cap": "The job's daily cap is reached; send the rest tomorrow.",
    "DEPRECATED_SIGNATURE": "Use the newer form: storeResults with funds to reserve, bulkPayOut with a text id.",
    "Duration too long": "A job lasts a hundred years at most.",
    "Empty amounts": "Name at least one recipient.",
    "Empty hash": "Give the hash of the file or batch.",
    "Empty URL": "Give the URL of the file.",
    "Empty url/hash": "Give URL and hash of the final results.",
    "Expired": "The time for this has passed; what is reserved can still be paid.",
    "Fee cannot exceed 25 percent": "Choose a fee of at most 25.",
    "Frozen": "A report is being judged; wait for the jury, or for the freeze to end by itself.",
    "Insufficient allowance": "Approve the spender for the amount first.",
    "Insufficient amount to unstake": "Less than that is staked and not being unstaked already.",
    "Insufficient balance": "The account holds less than that.",
    "Insufficient stake": "Stake at least the factory's minimumStake first.",
    "Insufficient unreserved funds": "Top the escrow up by sending it tokens, or reserve less.",
    "Invalid exchange oracle": "Name an exchange oracle.",
    "Invalid oracle fee": "The oracle published a fee that is no percentage with at most two decimals.",
    "Invalid recipient": "This address can have no owner; pay another.",
    "Invalid recording oracle": "Name a recording oracle.",
    "Invalid reputation oracle": "Name a reputation oracle.",
    "Invalid signature": "A signature is not by the one it should be by, or is over something else.",
    "Invalid status": "The job is in another state; read status() and the state table in docs/TECH_SPEC.md.",
    "Invalid token": "There is no contract at the token's address on this chain.",
    "Juror drawn twice": "Draw distinct jurors.",
    "Juror is a party": "Reporter, launcher and the zero address cannot be jurors; draw again.",
    "Juror voted twice": "Hand each juror's signature in once.",
    "Jurors must be odd in number": "Draw an odd number of jurors, at least three.",
    "Length mismatch": "Give as many values as names or recipients.",
    "Maximum string length": "A key or value has at most 1,000 bytes.",
    "Must be a positive number": "Give an amount above zero and within bounds.",
    "Must be a valid address": "Give the address of a genuine escrow and of a recipient.",
    "No fees to withdraw": "Nothing has to be done.",
    "No funds": "There is nothing here that is owed to nobody.",
    "No quorum": "More than half of the drawn jurors must sign the same ruling.",
    "Not frozen": "The escrow's exchange oracle freezes the job with this report first.",
    "Not enough funds": "Less than that is reserved; the recording oracle reserves first.",
    "Nothing to claim": "This address has no credit.",
    "Ownable: caller is not the owner": "Only the contract's owner may do this.",
    "Ownable: new owner is the zero address": "Use renounceOwnership to give the rights up.",
    "payoutId already exists": "This payout was made already; nothing has to be done.",
    "Percentage out of bounds": "The three oracles' fees may take 30 % together.",
    "Reserved funds": "Workers are owed pay; pay them first.",
    "Reserving and paying need two keys": "Name a recording oracle that is neither reputation nor exchange oracle.",
    "Slash tokens exceed staked ones": "Slash at most what is staked.",
    "Stake has no available tokens for withdrawal": "Unstake first and wait for the lock period.",
    "Stake is too large": "An address can stake less than 2^96 base units; stake the rest from another one.",
    "Stake locked by open escrows": "Wait until jobs have ended; each open one locks the minimum stake.",
    "Staker is no party of the escrow": "Only the escrow's launcher and oracles can be slashed for it.",
    "Start index out of bounds": "There are fewer stakers.",
    "Token is the job's own": "This token is the job's own under another address; it leaves by payouts only.",
    "Too many entries": "Save at most 20 values at once.",
    "Too many freezes": "Five freezes that no jury cleared are the limit of one job.",
    "Too many open escrows": "A launcher can have eight million open escrows; wait until jobs have ended.",
    "Too many recipients": "Pay at most 100 recipients at once; the ledger splits.",
    "Total stake is below the minimum threshold": "Stake at least minimumStake, or unstake all of it.",
    "Transfer failed": "The token refused the transfer; check balance, allowance and the token's own rules.",
    "Unauthorised": "This is for another role's key.",
    "Unknown case": "Open the case first.",
    "Unknown escrow": "The factory did not make that escrow.",
    "Unknown function": "The escrow has no such function.",
    "Wrong status": "The job was set up already.",
    "Zero address": "Give an address.",
    "Zero amount": "Give an amount above zero.",
    "Zero balance": "Fund the escrow before setting it up.",
}
"""Every text with which a contract can refuse, and what to do about it. A test compares with the sources."""

HARMLESS_REVERTS = frozenset({"Already anchored", "payoutId already exists", "Already ruled", "Case exists"})
"""Refusals that say the effect is there already: a second try of the same thing, not a failure."""

OVERTAKEN = "refused when mined; a replay on the block before succeeds (out of gas, or another transaction was first)"
"""Why a transaction was refused that nothing stood against before its block."""

PASSING_REVERTS = frozenset({"Daily cap", "Frozen", OVERTAKEN})
"""Refusals that time takes away: the same thing is done on a later day, under a purpose of its own."""
