"""Pages say what the code does: every command, exit code and task type has its paragraph, and links lead somewhere."""

import re
from pathlib import Path

import pytest

from manyhands.apps.cli import app
from manyhands.apps.cli.show import Exit

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (ROOT / "docs" / "howto" / "commands.md").read_text()
README = (ROOT / "README.md").read_text()


def command_names() -> list[str]:
    from manyhands.apps.cli import chain, demo, digitize, jobs, platform, pools, purses, quality  # noqa: F401  registers them

    return sorted(name for name in app if not name.startswith("-"))


def test_every_command_has_its_paragraph_and_stands_in_the_readme() -> None:
    headings = {line[3:] for line in COMMANDS.splitlines() if line.startswith("## ")}
    assert headings - {"Exit codes"} == set(command_names())
    for name in command_names():
        assert f"`manyhands {name}" in README


def test_every_exit_code_is_explained() -> None:
    table = {(int(code), name) for code, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", COMMANDS, flags=re.M)}
    assert table == {(int(code), code.name) for code in Exit}


def test_the_first_command_stands_within_sixteen_lines() -> None:
    lines = README.splitlines()[:16]
    assert any("uv run manyhands demo" in line for line in lines)


@pytest.mark.parametrize("page", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("*.md")))
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert ((ROOT / page).parent / target).exists(), f"{page} points to {target}"


def test_no_page_holds_a_blank_to_be_filled_in() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        assert "@@" not in path.read_text(), path
