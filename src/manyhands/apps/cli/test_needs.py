"""What work asks of a worker, in words of the command line: each known word, and nothing else."""

from __future__ import annotations

import pytest
from msgspec import UNSET

from manyhands.apps.cli.jobs import options_of
from manyhands.apps.cli.needs import DEVICES, BadNeeds, needs_of
from manyhands.protocol.manifest import Needs
from manyhands.roles.launcher.values import LaunchOptions


def launched(*needs: str, pool: str = "") -> LaunchOptions:
    return options_of(
        title="t", task_type="transcription", per_hour="12USD", floor="", quality=0.995, benchmark=0.9, budget="",
        machine="agreeing_readers", privacy="standard", requester="0x" + "1" * 40, needs=needs, pool=pool,
    )  # fmt: skip


def test_nothing_asked_leaves_the_manifest_as_it_was() -> None:
    assert needs_of([]) is None
    assert launched().needs is UNSET and launched().pool is UNSET


def test_each_word_says_one_thing() -> None:
    assert needs_of(["language=es"]) == Needs(languages=("es",))
    assert needs_of(["language=es", "language=cat"]) == Needs(languages=("es", "cat"))
    for device, (screen, pointer) in DEVICES.items():
        assert needs_of([f"device={device}"]) == Needs(screen=screen, pointer=pointer)  # type: ignore[arg-type]
    assert needs_of(["skill=0.9"]) == Needs(score_bp=9_000)
    assert needs_of(["skill=0.99999"]) == Needs(score_bp=9_999), "never all: no score is"
    assert launched("language=es", "device=laptop").needs == Needs(languages=("es",), screen="wide", pointer="fine")
    assert launched(pool="0x" + "ab" * 20).pool == "0x" + "ab" * 20


@pytest.mark.parametrize(
    "words",
    [
        ["age=18"], ["language"], ["language="], ["language=Spanish"], ["language=ES"], ["language=es", "language=es"],
        ["device=fridge"], ["device=laptop", "device=mouse"], ["skill=1"], ["skill=-0.1"], ["skill=much"],
        ["skill=nan"], ["skill=0.5", "skill=0.6"], [""], ["=es"],
        [f"language=a{chr(97 + number)}" for number in range(11)],
    ],
)  # fmt: skip
def test_an_unknown_word_is_refused_with_those_that_are_known(words: list[str]) -> None:
    with pytest.raises(BadNeeds) as refused:
        needs_of(words)
    assert "language=CODE" in refused.value.cure
