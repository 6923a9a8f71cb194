"""The data folder: keys made at first use, by however many processes that start together."""

from pathlib import Path

import pytest

from manyhands.apps.folder import DataFolder, Settings
from manyhands.protocol.ids import SeededIds
from manyhands.protocol.messages import ROLES


@pytest.mark.parametrize("there_already", range(len(ROLES) + 1))
def test_a_process_that_comes_while_keys_are_made_makes_the_same_ones(tmp_path: Path, there_already: int) -> None:
    alone, beside = DataFolder(tmp_path / "alone"), DataFolder(tmp_path / "beside")
    for folder in (alone, beside):
        folder.prepare(Settings())
    wanted = {role: key.address for role, key in alone.role_keys(SeededIds("1:keys")).items()}
    first = SeededIds("1:keys")
    for role in ROLES[:there_already]:
        beside.role_key(role, first)
    found = {role: key.address for role, key in beside.role_keys(SeededIds("1:keys")).items()}
    assert found == wanted
    assert len(set(found.values())) == len(ROLES)
