"""Compiles the contracts into the artifacts that the program deploys.

Rules kept here
- The artifacts are this project's own product, made from the sources beside this file and nothing else.
- The same sources and compiler give the same bytes, so a test can compile again and compare.
- What Vyper 0.4.3 cannot declare but the contract does answer is added to the ABI here, and only that.

- What the specification says of a function is what its source says: the rows of docs/TECH_SPEC.md are written from it.

Run `python contracts/build.py` after every change of a contract; `--check` says whether the committed files are right.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import vyper
from vyper.compiler import compile_code
from vyper.compiler.settings import OptimizationLevel, Settings

SOURCES = Path(__file__).parent
SPEC = SOURCES.parent / "docs" / "TECH_SPEC.md"
ARTIFACTS = SOURCES.parent / "src" / "manyhands" / "chain" / "artifacts"
EVM_VERSION = "cancun"
CONTRACTS = ("TestToken", "Staking", "Escrow", "EscrowFactory", "KVStore", "Jury")

_OWNABLE_ERRORS = [
    {"type": "error", "name": name, "inputs": [{"name": "account", "type": "address"}]}
    for name in ("OwnableUnauthorizedAccount", "OwnableInvalidOwner")
]

# Custom errors are raised by raw_revert, which leaves no trace in the compiler's ABI. HUMAN's old payout signature,
# which the escrow answers by its default function, stays out: two entries of one name confuse clients that look it up.
EXTRA_ABI: dict[str, list[dict[str, Any]]] = {
    "Staking": _OWNABLE_ERRORS,
}


def compile_contract(name: str) -> str:
    """The artifact of one contract as JSON text: abi, bytecode (deployment), runtime, and how it was made.

    name     one of CONTRACTS
    returns  deterministic text, keys sorted, newline at the end
    raises   vyper.exceptions.VyperException with the place in the source
    """
    source = (SOURCES / f"{name}.vy").read_text(encoding="utf-8")
    out = compile_code(
        source,
        contract_path=f"{name}.vy",
        output_formats=["abi", "bytecode", "bytecode_runtime"],
        settings=Settings(optimize=OptimizationLevel.GAS, evm_version=EVM_VERSION),
        no_bytecode_metadata=True,
    )
    artifact = {
        "name": name,
        "abi": sorted(
            out["abi"] + EXTRA_ABI.get(name, []),
            key=lambda entry: (entry["type"], entry.get("name", ""), json.dumps(entry, sort_keys=True)),
        ),
        "bytecode": out["bytecode"],
        "runtime": out["bytecode_runtime"],
        "compiler": f"vyper {vyper.__version__}",
        "evm_version": EVM_VERSION,
        "source_sha256": hashlib.sha256(source.encode()).hexdigest(),
    }
    return json.dumps(artifact, sort_keys=True, indent=1) + "\n"


def function_texts(name: str) -> dict[str, str]:
    """What the source says of each external function, as one line of Markdown, in the order of the source."""
    source = (SOURCES / f"{name}.vy").read_text(encoding="utf-8")
    found = re.findall(r'@external\n(?:@\w+\n)*def (\w+)\([\s\S]*?:\n    """([\s\S]*?)"""', source)
    texts = {}
    for function, said in found:
        line = " ".join(said.split())
        line = re.sub(r"@param (\w+)", r"`\1`:", line).replace("@return", "returns")
        texts[function] = re.sub(r"@(?:notice|dev) ", "", line)
    texts.pop("__default__", None)
    return texts


def specification(text: str) -> str:
    """The specification with the rows of all functions as the sources have them; everything else stays.

    A function without a row is left out here; a test of the specification names it.
    """
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    for name in CONTRACTS:
        at = next(i for i, part in enumerate(parts) if part.startswith(f"## {name}\n"))
        for function, said in function_texts(name).items():
            row = f"| `{function}` | {said} |"
            stands = re.compile(rf"^\| `{function}` \| .* \|$", re.MULTILINE)
            parts[at] = stands.sub(lambda _, row=row: row, parts[at], count=1)
    return "".join(parts)


def main() -> int:
    """Writes the artifacts, or with --check compares them. Exit code 1 when a committed file is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    args = parser.parse_args()
    stale = []
    for name in CONTRACTS:
        text, path = compile_contract(name), ARTIFACTS / f"{name}.json"
        if args.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
        runtime_bytes = (len(json.loads(text)["runtime"]) - 2) // 2
        print(f"{name:14} {runtime_bytes:6} bytes of code" + (" (out of date)" if name in stale else ""))
    told = SPEC.read_text(encoding="utf-8")
    if specification(told) != told:
        if args.check:
            stale.append(SPEC.name)
        else:
            SPEC.write_text(specification(told), encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)} changed since the artifacts were made: run contracts/build.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
