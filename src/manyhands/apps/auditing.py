"""Judging a job from a folder: evidence from the files, events from any node, and no platform.

Rules kept here
- Where the job's money was is told by the folder; whether that is so, the node decides: another chain, or an address
  without a contract, is refused.
- What the events rest on is said: the node that was asked, or only the file that came with the evidence.

    where, proof, rests_on = await proof_in_folder(Path("out/proof"), rpc_url="http://127.0.0.1:8545")
    report = verify(where.job_id, proof)
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from manyhands.apps.chain_events import decimals_of_escrow, events_of_escrow
from manyhands.apps.verify import ChainEntry, Proof
from manyhands.chain.client import ChainClient
from manyhands.chain.standalone import facts_for
from manyhands.protocol import canonical
from manyhands.protocol.errors import ManyhandsError

WHERE = "where.json"


class ProofIncomplete(ManyhandsError):
    """A folder is no proof, or the node knows nothing of what it speaks of."""


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a job's money was. decimals  of its token; absent = as many as the manifest counts with"""

    job_id: str
    chain_id: int
    escrow: str
    jury: str
    decimals: int | msgspec.UnsetType = msgspec.UNSET


async def proof_in_folder(folder: Path, *, rpc_url: str | None) -> tuple[Where, Proof, str]:
    """What an auditor needs, from the folder that `results --proof` wrote.

    rpc_url  a node to ask for the events; None = those written beside the evidence are taken as they are
    returns  where, the proof, and one sentence on what the events rest on
    raises   ProofIncomplete naming the file; WrongChain, ChainUnreachable
    """
    where: Where = canonical.decode(_read(folder, WHERE), Where, what=WHERE)
    evidence = _evidence(folder)
    if not evidence:
        raise ProofIncomplete(f"{folder} holds no evidence-*.json", cure="Take the whole proof folder.")
    if rpc_url is None:
        chain = canonical.decode(_read(folder, "chain.json"), list[ChainEntry], what="chain.json")
        decimals = where.decimals if isinstance(where.decimals, int) else None
        rests_on = "events from the file chain.json: name a node with --rpc to rest on the chain"
    else:
        facts = facts_for(where.chain_id).at([rpc_url])
        async with ChainClient(facts) as client:
            await client.connect()
            if not await client.code(where.escrow):
                raise ProofIncomplete(
                    f"{rpc_url} has no contract at {where.escrow}",
                    cure=f"Name a node of chain {where.chain_id} that knows its whole past.",
                )
            head = await client.head()
            chain = await events_of_escrow(client, where.escrow, jury=where.jury)
            decimals = await decimals_of_escrow(client, where.escrow)
        rests_on = f"events from the node at {rpc_url}: chain {where.chain_id}, block {head.number} {head.hash}"
    proof = Proof(
        manifest=_read(folder, "manifest.json"),
        evidence=evidence,
        payouts=_read(folder, "payouts.json"),
        package=None,
        chain=chain,
        decimals=decimals,
    )
    return where, proof, rests_on


def _evidence(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("evidence-*.json"))]


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as problem:
        raise ProofIncomplete(
            f"{folder / name} cannot be read: {problem.strerror}", cure="Take the whole proof folder."
        ) from problem
