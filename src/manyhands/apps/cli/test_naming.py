"""Wishes that no job can be are refused by the option that asked for them, before anything is sent or kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyhands.apps.cli import jobs
from manyhands.apps.cli.naming import OPTIONS, BadOption, named_as_options
from manyhands.apps.cli.show import Exit
from manyhands.documents.samples import write_samples
from manyhands.protocol.errors import BadManifest


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_samples(tmp_path_factory.mktemp("samples"), seed=5, receipts=1)[0]


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"daily_cap": 0}, "--daily-cap: must be between 2 and 30, or left out for no daily cap"),
        ({"daily_cap": 31}, "--daily-cap: must be between 2 and 30, or left out for no daily cap"),
        ({"daily_cap": 30}, "--daily-cap: 1/30 of "),
        ({"quality": 1.0}, "--quality: must be more than 0 and less than 1: no rule can promise every item"),
        ({"quality": 0.5}, "--benchmark: must be between 0 and what --quality asks for"),
        ({"per_hour": "1USD"}, "--per-hour: 1.00 MHT an hour is below this operator's fair floor of 8.00 MHT an hour"),
        ({"floor": "1USD"}, "--floor: 1.00 MHT an hour is below this operator's fair floor of 8.00 MHT an hour"),
        ({"floor": "13USD"}, "--per-hour: is less than --floor asks for"),
    ],
)
def test_a_refused_quote_names_the_option(
    scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], wish: dict[str, object], told: str
) -> None:
    code = jobs.quote(scans, data=tmp_path, json=True, **wish)  # type: ignore[arg-type]
    error = json.loads(capsys.readouterr().out)["error"]
    assert code == Exit.REFUSED and error["message"].startswith(told), error
    assert error["cure"] == f"Correct {told.split(':')[0]} and try again; nothing was charged."


def test_every_option_that_is_named_is_one_of_the_command_and_what_no_option_asked_for_is_told_as_before() -> None:
    text = Path(jobs.__file__).read_text()
    for option, _ in OPTIONS.values():
        assert f'"{option}"' in text or f"    {option[2:].replace('-', '_')}:" in text, option
    for field in ("audit.confidence_bp", "audit"):
        with pytest.raises(BadOption, match=r"^--unseen-wrong: wrong$"), named_as_options(floor_told=True):
            raise BadManifest(field, "wrong")
    with pytest.raises(BadManifest, match="manifest field 'page_count'"), named_as_options(floor_told=True):
        raise BadManifest("page_count", "there is no page to work on")
