"""How the processes of a platform find each other: one file that the supervisor writes before it starts them.

Rules kept here
- A platform is running while its supervisor lives; a file left behind by a killed one means nothing.
- A process says that it is ready by a file of its own, which the supervisor removes before each start.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec
import psutil  # type: ignore[import-untyped]  # the package carries no types

from manyhands.apps.folder import DataFolder
from manyhands.chain.facts import ChainFacts, facts_in, shipped_facts

Kind = Literal["roles", "ocr", "web"]


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What the processes of a running platform need to find each other. Written to run.json before they start."""

    dsn: str
    rpc_urls: dict[str, str]
    web_port: int
    node_modules: str
    supervisor_pid: int


def run_file(folder: DataFolder) -> Path:
    return folder.path / "run.json"


def ready_file(folder: DataFolder, kind: Kind) -> Path:
    return folder.path / f"{kind}.ready"


def running(folder: DataFolder) -> Running | None:
    """How to reach the platform of this folder, None when it is not up."""
    try:
        found = msgspec.json.decode(run_file(folder).read_bytes(), type=Running)
    except FileNotFoundError:
        return None
    return found if psutil.pid_exists(found.supervisor_pid) else None


def local_facts(folder: DataFolder) -> dict[int, ChainFacts]:
    """Facts of the chains this platform uses: the folder's own files before the shipped ones."""
    wanted = folder.settings().chain_ids
    known = facts_in(folder.chains, beside=shipped_facts())
    return {chain_id: known[chain_id] for chain_id in wanted}


def mark_ready(folder: DataFolder, kind: Kind) -> None:
    replace_file(ready_file(folder, kind), str(os.getpid()).encode())


def replace_file(path: Path, content: bytes) -> None:
    draft = path.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(path)
