"""One deployment for all tests of this folder; each test starts from it and leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .world import World


@pytest.fixture(scope="session")
def deployed() -> World:
    return World()


@pytest.fixture
def world(deployed: World) -> Iterator[World]:
    with deployed.aside():
        yield deployed
