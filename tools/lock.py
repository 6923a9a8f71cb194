"""Writes the exact version of every package into `pyproject.toml` and, with hashes, into `requirements.lock`.

uv's own lock file names the addresses of a registry; ours names packages, versions and hashes only, so that the same
repository installs from any mirror. `uv run` obeys the versions in `pyproject.toml`; who wants the hashes checked too
runs `uv pip sync --require-hashes requirements.lock`.

usage: python tools/lock.py [--check]
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "# --- pins, written by `just lock` ---"


def exported() -> str:
    """The resolver's answer as requirements with hashes, without addresses."""
    flags = "--quiet --all-groups --all-extras --no-emit-project --no-header --no-annotate"
    command = ["uv", "export", *flags.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith("--"))


def pins(requirements: str) -> list[str]:
    """`name==version` of every package, with its marker, in order of name.

    >>> pins("a==1 \\\\\\n    --hash=sha256:00\\nb==2 ; python_version < '4'\\n")
    ['a==1', "b==2 ; python_version < '4'"]
    """
    found = re.findall(r"^([A-Za-z0-9_.\-\[\]]+==[^\s\\;]+)(\s*;[^\\\n]+)?", requirements, flags=re.M)
    return sorted(name + (" ;" + marker.strip()[1:].rstrip() if marker else "") for name, marker in found)


def settings(current: str, pinned: list[str]) -> str:
    """pyproject.toml with its pins replaced; they stand at its end, in the table `tool.uv`."""
    kept = current.split(BEGIN)[0].rstrip()
    lines = "".join(f'    "{pin}",\n' for pin in pinned)
    return f"{kept}\n\n{BEGIN}\nconstraint-dependencies = [\n{lines}]\n"


def main() -> int:
    project, lock = ROOT / "pyproject.toml", ROOT / "requirements.lock"
    if "--check" not in sys.argv:
        project.write_text(settings(project.read_text(), []))
        subprocess.run(["uv", "lock", "--quiet", "--upgrade"], cwd=ROOT, check=True)
    requirements = exported()
    wanted = settings(project.read_text(), pins(requirements))
    if "--check" in sys.argv:
        return int(wanted != project.read_text() or requirements != lock.read_text())
    project.write_text(wanted)
    lock.write_text(requirements)
    return 0


if __name__ == "__main__":
    sys.exit(main())
