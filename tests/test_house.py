"""The house keeps its own rules: layers, types, style, pages, and nothing of the machine it was built on."""

import doctest
import importlib
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4_000:]


def test_every_type_is_strict() -> None:
    run("mypy")


def test_style_is_one() -> None:
    run("ruff", "check", ".")
    run("ruff", "format", "--check", ".")


def test_nothing_of_a_machine_or_a_registry_is_written_down() -> None:
    hosts = ["pypi" + r"\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs\.org"]
    places = [re.escape(f"{place}/") for place in (ROOT, ROOT.parent / "shared", Path.home()) if len(place.parts) > 1]
    told = re.compile("|".join(hosts + places))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.suffix not in {".png", ".jpg", ".pdf"}
        for match in [told.search(path.read_text(encoding="utf-8", errors="replace"))]
        if match
    ]
    assert found == []


def test_no_bundle_of_others_is_committed() -> None:
    assert [p for p in tracked() if p.name.endswith((".min.js", ".min.css")) or "node_modules" in p.parts] == []
    assert [p for p in tracked() if p.stat().st_size > 600_000] == []


def test_what_is_installed_is_what_the_lock_names() -> None:
    pinned = re.findall(r"^([A-Za-z0-9_.\-]+)==([^\s\\;]+)", (ROOT / "requirements.lock").read_text(), flags=re.M)
    locked: dict[str, set[str]] = {}
    for name, version in pinned:
        locked.setdefault(canonical(name), set()).add(version)
    installed = {canonical(one.metadata["Name"]): one.version for one in metadata.distributions()}
    assert {name: version for name, version in installed.items() if version not in locked.get(name, {version})} == {}


def test_only_one_opencv_is_there_for_two_overwrite_each_other() -> None:
    named = {canonical(one.metadata["Name"]) for one in metadata.distributions()}
    assert [name for name in named if name.startswith("opencv")] == ["opencv-contrib-python-headless"]


def modules_with_examples() -> list[str]:
    found = [path for path in (ROOT / "src").rglob("*.py") if not path.name.startswith("test_")]
    named = [
        ".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in found if ">>>" in path.read_text()
    ]
    return sorted(name.removesuffix(".__init__") for name in named)


@pytest.mark.parametrize("module", modules_with_examples())
def test_the_examples_in_docstrings_do_what_they_say(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


@pytest.mark.parametrize("path", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "justfile", ".ci/run"])
def test_a_newcomer_finds(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_decision_has_its_own_number() -> None:
    numbers = [p.name.split("-")[0] for p in (ROOT / "docs" / "adr").glob("*.md")]
    assert len(numbers) == len(set(numbers))
