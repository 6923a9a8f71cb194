"""pytest plugin: the npm components, obtained once when a test first asks for them.

A run that cannot obtain them fails with the cure; it never skips quietly.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from . import Components, ensure_components


@pytest.fixture(scope="session")
def components() -> Components:
    return ensure_components(progress=print)


@pytest.fixture(scope="session")
def anvil_binary(components: Components) -> Path:
    return components.anvil
