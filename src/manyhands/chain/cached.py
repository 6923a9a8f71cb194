"""Where components that no Python wheel carries are kept, and how one of them, anvil, is found again.

Rules kept here
- One folder per user: $MANYHANDS_CACHE, else the platform's cache folder. Never inside an installed package.
- Whoever installs (apps.components) and whoever looks (chain.node) share these functions; neither imports the other.
- A folder counts only when its installer marked it complete.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path

from .errors import AnvilMissing

ANVIL_VERSION = "1.7.1"
COMPLETE = "complete"
"""Name of the empty file an installer writes last into a components folder."""


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for things that can be obtained again."""
    if chosen := environ.get("MANYHANDS_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches/manyhands").expanduser()
    if chosen := environ.get("XDG_CACHE_HOME"):
        return Path(chosen).expanduser() / "manyhands"
    return Path("~/.cache/manyhands").expanduser()


def components_folder(root: Path, lock_digest: str) -> Path:
    """Folder of the components that one lock file names: another lock file, another folder."""
    return root / f"components-{lock_digest[:16]}"


def anvil_in(node_modules: Path) -> Path:
    """Where npm puts the anvil binary of this machine's platform."""
    machine = {"x86_64": "amd64", "amd64": "amd64", "arm64": "arm64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}.get(sys.platform, sys.platform)
    return (
        node_modules
        / "@foundry-rs"
        / f"anvil-{system}-{machine}"
        / "bin"
        / ("anvil.exe" if system == "win32" else "anvil")
    )


def find_anvil(given: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Path:
    """Path of an anvil binary: the one given, else $MANYHANDS_ANVIL, else the one in the cache.

    raises  AnvilMissing, naming every place that was tried
    """
    looked_at = []
    for chosen in (given, environ.get("MANYHANDS_ANVIL")):
        if chosen:
            path = Path(chosen).expanduser()
            if path.is_file():
                return path
            looked_at.append(str(chosen))
    root = cache_root(environ)
    folders = [folder for folder in root.glob("components-*") if (folder / COMPLETE).exists()]
    for folder in sorted(folders, key=lambda folder: (folder / COMPLETE).stat().st_mtime, reverse=True):
        path = anvil_in(folder / "node_modules")
        if path.is_file():
            return path
    looked_at.append(f"{root}/components-*")
    raise AnvilMissing(looked_at)
