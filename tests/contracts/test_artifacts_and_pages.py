"""The committed artifacts are made from the sources; HUMAN's ABI is kept; every function and refusal has its words."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from eth_hash.auto import keccak

from manyhands.chain.contracts import (
    CONTRACTS,
    DEPLOYMENT,
    GAS_FIGURES,
    HARMLESS_REVERTS,
    HUMAN_LOCAL_TERMS,
    REVERT_REASONS,
    ContractUnknown,
    artifact,
    deployment_plan,
    encode_call,
    gas_limit,
    planned_addresses,
)

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "contracts"
SPEC = ROOT / "docs" / "TECH_SPEC.md"
DEV_ACCOUNT_0 = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"

# HUMAN's functions that are left out on purpose (docs/adr/0024), or answered without standing in the ABI.
LEFT_OUT = {
    "Escrow": {"bulkPayOut(address[],uint256[],string,string,uint256,bool)"},
    "EscrowFactory": {
        "initialize(address,uint256,address)",
        "proxiableUUID()",
        "setAdmin(address)",
        "setStakingAddress(address)",
        "upgradeTo(address)",
        "upgradeToAndCall(address,bytes)",
    },
    "Staking": set[str](),
    "KVStore": set[str](),
}
# Events that HUMAN's own contracts (core 7.1.0) no longer emit, or that belong to its upgradable proxy.
UNUSED_EVENTS = {
    "BulkTransfer", "BulkTransferV2", "Pending", "PendingV2", "AdminChanged", "BeaconUpgraded", "Initialized",
    "Launched", "SetStakingAddress", "Upgraded",
}  # fmt: skip


def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("contracts_build", SOURCES / "build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def signature(entry: dict[str, Any]) -> str:
    def kind(parameter: dict[str, Any]) -> str:
        text = str(parameter["type"])
        if not text.startswith("tuple"):
            return text
        return f"({','.join(kind(c) for c in parameter['components'])}){text.removeprefix('tuple')}"

    return f"{entry['name']}({','.join(kind(parameter) for parameter in entry['inputs'])})"


@pytest.mark.parametrize("name", CONTRACTS)
def test_compiling_again_gives_the_committed_artifact(name: str) -> None:
    committed = (ROOT / "src" / "manyhands" / "chain" / "artifacts" / f"{name}.json").read_text(encoding="utf-8")
    assert build().compile_contract(name) == committed


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_fits_into_the_size_limit_of_every_chain(name: str) -> None:
    assert len(artifact(name).runtime) <= 24_576


@pytest.mark.parametrize("name", LEFT_OUT)
def test_humans_functions_and_events_are_kept(name: str) -> None:
    from human_protocol_sdk.utils import (
        get_escrow_interface,
        get_factory_interface,
        get_kvstore_interface,
        get_staking_interface,
    )

    human = {
        "Escrow": get_escrow_interface,
        "EscrowFactory": get_factory_interface,
        "Staking": get_staking_interface,
        "KVStore": get_kvstore_interface,
    }[name]()["abi"]
    ours = artifact(name).abi
    functions = {signature(entry): entry for entry in ours if entry["type"] == "function"}
    theirs = {signature(entry): entry for entry in human if entry["type"] == "function"}
    assert set(theirs) - set(functions) == LEFT_OUT[name]
    for text, entry in theirs.items():
        if text in functions and name != "Staking":
            assert [o["type"] for o in functions[text]["outputs"]] == [o["type"] for o in entry["outputs"]], text
    events = {signature(entry): [i["indexed"] for i in entry["inputs"]] for entry in ours if entry["type"] == "event"}
    for entry in human:
        if entry["type"] == "event" and entry["name"] not in UNUSED_EVENTS:
            assert events[signature(entry)] == [i["indexed"] for i in entry["inputs"]]


def test_the_deployment_lands_where_humans_sdk_looks() -> None:
    from human_protocol_sdk.constants import NETWORKS, ChainId

    local = NETWORKS[ChainId.LOCALHOST]
    at = planned_addresses(DEV_ACCOUNT_0)
    assert at["TestToken"] == local["hmt_address"].lower()
    assert at["Staking"] == local["staking_address"].lower()
    assert at["EscrowFactory"] == local["factory_address"].lower()
    assert at["KVStore"] == local["kvstore_address"].lower()


def test_a_deployment_plan_has_gapless_nonces_and_purposes_that_differ() -> None:
    plan = deployment_plan(DEV_ACCOUNT_0, first_nonce=7, terms=HUMAN_LOCAL_TERMS)
    assert [step.nonce for step in plan] == list(range(7, 7 + len(plan)))
    assert len({step.purpose for step in plan}) == len(plan)
    assert [step.creates for step in plan[: len(DEPLOYMENT)]] == list(planned_addresses(DEV_ACCOUNT_0, 7).values())


def test_every_text_a_contract_refuses_with_is_explained_and_no_other() -> None:
    texts = set()
    for name in CONTRACTS:
        source = (SOURCES / f"{name}.vy").read_text(encoding="utf-8")
        code = re.sub(r'"""[\s\S]*?"""', "", source)
        texts |= set(re.findall(r'(?:assert[^\n]*?|^\s*\) *|\), )"([^"\n]+)"$', code, re.MULTILINE))
        texts |= set(re.findall(r'^\s*raise "([^"]+)"', code, re.MULTILINE))
    assert texts == set(REVERT_REASONS)
    assert set(REVERT_REASONS) >= HARMLESS_REVERTS


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_external_function_says_who_may_call_it(name: str) -> None:
    source = (SOURCES / f"{name}.vy").read_text(encoding="utf-8")
    pattern = r'@external\n(?:@\w+\n)*def (\w+)\([\s\S]*?:\n    """([\s\S]*?)"""'
    found = re.findall(pattern, source)
    assert len(found) == source.count("@external")
    for function, text in found:
        if function != "__default__":
            assert "@notice" in text
            assert re.search(r"\b[Bb]y |Anyone|Callable|callers", text), f"{name}.{function} does not say who"


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_function_that_changes_something_says_what_it_emits_and_how_to_stop_it(name: str) -> None:
    texts = build().function_texts(name)
    known = {entry["name"] for kind in CONTRACTS for entry in artifact(kind).abi if entry["type"] == "event"}
    for entry in artifact(name).abi:
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure"):
            said = texts[entry["name"]]
            assert re.search(r"Emits (?:nothing|one `|[^.]*`)|As `", said), f"{name}.{entry['name']}: what it emits"
            assert "Stop: " in said, f"{name}.{entry['name']}: how to stop it"
            for event in re.findall(r"Emits [^.]*?`(\w+)`", said):
                assert event in known, event


def test_the_specification_says_of_each_function_what_its_source_says() -> None:
    text = SPEC.read_text(encoding="utf-8")
    assert build().specification(text) == text


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_function_and_event_stands_in_the_specification(name: str) -> None:
    text = SPEC.read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    own = next(part for part in section if part.startswith(name))
    for entry in artifact(name).abi:
        if entry["type"] in ("function", "event"):
            assert f"`{entry['name']}`" in own, f"{name}: {entry['type']} {entry['name']}"


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_event_says_when_it_is_told_and_names_calls_that_exist(name: str) -> None:
    text = SPEC.read_text(encoding="utf-8")
    own = next(part for part in re.split(r"^## ", text, flags=re.MULTILINE) if part.startswith(name))
    known = {entry["name"] for kind in CONTRACTS for entry in artifact(kind).abi if "name" in entry}
    known |= {inner["name"] for kind in CONTRACTS for entry in artifact(kind).abi for inner in entry.get("inputs", ())}
    for entry in artifact(name).abi:
        if entry["type"] == "event":
            said = re.search(rf"^\| `{entry['name']}` \| ([^|]+\.) \| ([^|]+) \|$", own, re.MULTILINE)
            assert said, entry["name"]
            assert set(re.findall(r"`(\w+)`", said[1])) <= known, said[1]
            assert all(inner["name"] in said[2] for inner in entry["inputs"])


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ContractUnknown, match="no contract is called 'Escrw'"):
        artifact("Escrw")
    with pytest.raises(ContractUnknown, match="no function of Escrow"):
        encode_call("Escrow", "payOut")
    with pytest.raises(ContractUnknown, match="no gas figure"):
        gas_limit("payOut")


def test_a_payout_of_the_most_recipients_fits_into_a_block_and_a_transaction() -> None:
    assert gas_limit("bulkPayOut", recipients=100, text_bytes=400) < 16_777_216  # the cap of EIP-7825
    assert all(figure.base >= 21_000 for figure in GAS_FIGURES.values())


def test_selectors_are_those_of_the_signatures() -> None:
    assert encode_call("TestToken", "approve", DEV_ACCOUNT_0, 1)[:4] == keccak(b"approve(address,uint256)")[:4]
