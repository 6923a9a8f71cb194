"""Options of the long tests."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kills", type=int, default=3, help="how often the whole program is killed in tests/test_kills.py"
    )
