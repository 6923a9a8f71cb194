"""The pages' files: names that hash, one import map, every word in every language, nothing that the policy forbids."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.pricing import Workload, learning_for, make_quote
from manyhands.protocol.manifest import FeeRule, PayRule, QualityRule

from .assets import (
    COMPONENT_FILES,
    ComponentMissing,
    content_name,
    load_assets,
    script_hash,
    without_comments,
)
from .security import content_policy
from .server import PAGE_PATHS
from .shell import COMMON_MODULES, PAGES, choose_language, shell

STATIC = Path(__file__).parent / "static"
SAID = "said"  # of texts/*.said.js, which English needs none of: test_sentences.py
WORDS = re.compile(r'^  "?([\w-]+)"?: (.*),$', re.MULTILINE)
ASKED = re.compile(r"\bt\(\s*\"([\w-]+)\"")


@pytest.fixture
def components(tmp_path: Path) -> Path:
    """A folder with components that say nothing: these tests are about our files."""
    for inside in COMPONENT_FILES.values():
        path = tmp_path / inside
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("export {};\n//# sourceMappingURL=x.map\n")
    return tmp_path


def words_of(language: str) -> dict[str, str]:
    return dict(WORDS.findall((STATIC / "js" / "texts" / f"{language}.js").read_text(encoding="utf-8")))


def modules() -> list[Path]:
    return sorted(path for path in (STATIC / "js").rglob("*.js") if path.parent.name != "texts")


def test_a_changed_file_gets_another_name() -> None:
    assert content_name("app.css", b"a") != content_name("app.css", b"b")
    assert re.fullmatch(r"app\.[0-9a-f]{12}\.css", content_name("app.css", b"a"))


def test_a_missing_component_is_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(ComponentMissing, match="preact") as refused:
        load_assets(tmp_path)
    assert "start again" in refused.value.cure


def test_every_import_of_a_module_is_in_the_import_map(components: Path) -> None:
    assets = load_assets(components)
    known = set(assets.modules) | {"manyhands/texts.js"} | set(assets.parts["en"])
    for path in modules():
        wanted = set(re.findall(r'(?:from |import\()"([^"]+)"', path.read_text(encoding="utf-8")))
        assert wanted <= known, f"{path.name} imports {wanted - known}"


def test_no_source_map_is_pointed_to(components: Path) -> None:
    assert not any(b"sourceMappingURL" in asset.raw for asset in load_assets(components).by_url.values())


def test_every_path_has_a_page_and_every_page_its_modules(components: Path) -> None:
    assets = load_assets(components)
    assert set(PAGE_PATHS.values()) | {"not-found"} == set(PAGES)
    for names in (COMMON_MODULES, *PAGES.values()):
        assert set(names) <= set(assets.modules)


def test_the_policy_allows_exactly_the_import_map_of_the_page(components: Path) -> None:
    assets = load_assets(components)
    told = shell(assets, "work", "en")
    inline = re.findall(r"<script type=\"importmap\">(.*?)</script>", told.document.decode())
    assert len(inline) == 1
    assert script_hash(inline[0]) in told.policy
    assert "unsafe" not in told.policy
    assert "style=" not in told.document.decode()
    assert " on" not in re.sub(r"<script.*?</script>|<p>.*?</p>", "", told.document.decode())


def test_the_policy_has_no_host_but_our_own() -> None:
    assert "http" not in content_policy(import_map_hash="'sha256-x'")
    assert "*" not in content_policy(import_map_hash="'sha256-x'")


def test_modules_make_no_markup_from_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|document\.write|\beval\(|new Function"
    )
    for path in modules():
        assert not forbidden.search(path.read_text(encoding="utf-8")), path.name


@pytest.mark.parametrize("name", sorted(path.name for path in STATIC.glob("*.css")))
def test_the_style_sheet_knows_no_left_and_right(name: str) -> None:
    sheet = re.sub(r"/\*.*?\*/", "", (STATIC / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    physical = re.findall(
        r"(?<![\w-])(?:margin|padding|border|inset)?-?(?:left|right)\s*:|text-align:\s*(?:left|right)", sheet
    )
    assert physical == []


@pytest.mark.parametrize(
    "language", sorted(path.stem for path in (STATIC / "js" / "texts").glob("*.js") if not path.stem.endswith(SAID))
)
def test_every_language_has_the_same_words_with_the_same_gaps(language: str) -> None:
    english, other = words_of("en" + "".join(language.partition(".")[1:])), words_of(language)
    assert list(other) == list(english)
    for name, text in english.items():
        assert set(re.findall(r"(?<!\$)\{(\w+)\}", other[name])) >= set(re.findall(r"(?<!\$)\{(\w+)\}", text)), name


def test_no_word_is_given_twice() -> None:
    for path in (STATIC / "js" / "texts").glob("*.js"):
        names = [name for name, _ in WORDS.findall(path.read_text(encoding="utf-8"))]
        assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}


def test_every_word_that_a_page_asks_for_exists() -> None:
    known = {word for part in ("en", "en.site", "en.desk", "en.more") for word in words_of(part)}
    for path in modules():
        assert set(ASKED.findall(path.read_text(encoding="utf-8"))) <= known, path.name


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [
        ("es", "en", "es"),
        ("", "es-MX,es;q=0.9,en;q=0.8", "es"),
        ("", "de,fr;q=0.9", "en"),
        ("xx", "en;q=0.1, es;q=0.9", "es"),
        ("", "es;q=nonsense", "en"),
        ("", "", "en"),
    ],
)
def test_the_readers_own_choice_comes_before_the_browsers(chosen: str, accepted: str, language: str) -> None:
    assert choose_language(chosen, accepted, ("en", "es")) == language


def test_nothing_that_serves_people_loads_numbers_pairings_or_graphs() -> None:
    """They cost a second of the start and a third of the memory of a process that needs none of them."""
    heavy = {"numpy", "py_ecc", "graphql", "cv2", "pandas"}
    ask = f"import sys, manyhands.apps.web.serve; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_no_text_of_ours_holds_a_line_that_looks_like_a_comment() -> None:
    """Comments are left out line by line: a line inside a text that begins like one would be lost with them."""
    for path in sorted(STATIC.rglob("*.js")):
        lines = path.read_text(encoding="utf-8").splitlines()
        inside, comment = False, False
        for number, line in enumerate(lines, start=1):
            told = line.strip()
            if comment:
                comment = not told.endswith("*/")
                continue
            if told.startswith(("//", "/*")):
                assert not inside, f"{path.name}:{number} begins like a comment inside a text"
                comment = told.startswith("/*") and "*/" not in told
                continue
            code = re.sub(r"= /.+/[a-z]*;$", "", line)  # a pattern that looks for the mark
            inside ^= len(re.findall(r"(?<!\\)`", code)) % 2 == 1


def test_what_travels_has_every_line_of_code_and_no_comment_line() -> None:
    for path in sorted([*STATIC.rglob("*.js"), *STATIC.rglob("*.css")]):
        source = path.read_bytes()
        travels = without_comments(source)
        assert without_comments(travels) == travels
        assert not any(line.startswith((b"//", b" ")) for line in travels.splitlines()), path.name
        code = [line.strip() for line in source.splitlines() if re.search(rb"[;{}>]$", line.strip())]
        kept = set(travels.splitlines())
        assert all(line in kept for line in code if not line.startswith((b"//", b"/*", b"*"))), path.name


@pytest.mark.parametrize("language", ["en.site", "es.site"])
def test_every_line_of_a_quote_is_said_in_the_readers_language_with_the_figures_that_are_told(language: str) -> None:
    work = Workload(
        pieces=400, pieces_max=600, chars_per_piece=11, asked_bp=3_000, asked_max_bp=9_000, answers_milli=2_200,
        answers_max_milli=4_000, rests_on="ink",
    )  # fmt: skip
    pay = PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=10_000_000)
    learning = learning_for(work, pay=pay, guide_ms=1_000, practice_ms=2_000)
    assert learning is not None
    fees = FeeRule(exchange_bp=300, recording_bp=200, reputation_bp=200)
    known = words_of(language)
    yen = PayRule(currency="YENT", exponent=0, per_hour_minor=1_500, floor_per_hour_minor=1_200)
    for told in (pay, yen):
        for line in make_quote(work, pay=told, rule=QualityRule(), fees=fees, learning=learning).lines:
            name = "ql_" + re.sub("[ -]", "_", line.label)
            assert name in known, line.label
            why = f"{name}_why_rounded" if "rounded_bp" in line.figures else f"{name}_why"
            assert set(re.findall(r"\{(\w+)\}", known[why])) == set(line.figures), line.label
    assert "rounded_bp" in make_quote(work, pay=yen, rule=QualityRule(), fees=fees).lines[0].figures
