"""Drawing and voting: without favour, and only by those drawn."""

from collections import Counter

import msgspec
import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from manyhands.chain.contracts import vote_digest
from manyhands.chain.keys import RoleKey
from manyhands.protocol.ids import SeededIds

from .draw import DrawProof, commitment, draw, eligible_for, seed_of
from .votes import HALF_ORDER, Vote, recover_vote, report_hash, ruling_of

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
people = st.lists(st.integers(0, 10**6).map(lambda n: f"0x{n:040x}"), max_size=12, unique=True)


@given(people, st.binary(max_size=40), st.randoms())
def test_a_draw_depends_on_people_and_seed_alone(named: list[str], seed: bytes, chance: object) -> None:
    shuffled = list(named)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    drawn = draw(named, seed=seed, count=3)
    assert drawn == draw(shuffled + shuffled[:2], seed=seed, count=3)
    assert set(drawn) <= set(named)
    assert len(set(drawn)) == len(drawn) == (3 if len(named) >= 3 else 0)


def test_everyone_is_drawn_equally_often() -> None:
    named = [f"0x{n:040x}" for n in range(9)]
    seats = Counter(
        juror for number in range(3_000) for juror in draw(named, seed=seed_of(f"report-{number}", b"s"), count=3)
    )
    # 1,000 expected, standard deviation 26
    assert all(880 <= seats[worker] <= 1_120 for worker in named)


@given(people, people)
def test_a_party_to_the_case_is_never_eligible(named: list[str], parties: list[str]) -> None:
    eligible = eligible_for([worker.upper().replace("0X", "0x") for worker in named], never=parties)
    assert not set(eligible) & set(parties)
    assert set(eligible) == set(named) - set(parties)


def test_two_people_are_no_jury_and_three_are() -> None:
    assert draw(["0xa", "0xb"], seed=b"s", count=3) == ()
    assert len(draw(["0xa", "0xb", "0xc"], seed=b"s", count=3)) == 3


@given(people.filter(lambda named: len(named) >= 3), st.binary(min_size=32, max_size=32))
def test_a_shown_secret_proves_the_draw_and_another_does_not(named: list[str], secret: bytes) -> None:
    jurors = draw(named, seed=seed_of("r1", secret), count=3)
    proof = DrawProof(
        job_id="j1",
        report_id="r1",
        commitment=commitment(secret),
        secret=secret.hex(),
        eligible=tuple(named),
        jurors=jurors,
    )
    assert proof.holds()
    assert not msgspec.structs.replace(proof, secret=(b"x" + secret[1:] + b"y").hex()).holds()
    assert not msgspec.structs.replace(proof, jurors=("0xfriend", *jurors[1:])).holds()


# --- votes ------------------------------------------------------------------------------------------------------------

JURORS = [RoleKey.create(SeededIds(f"juror {number}")) for number in range(3)]
DIGEST = vote_digest(1338, "0x" + "1" * 40, b"\7" * 32, True)


def test_a_jurors_own_signature_is_recovered() -> None:
    assert recover_vote(DIGEST, JURORS[0].sign_hash(DIGEST)) == JURORS[0].address


def test_a_wallets_signature_of_the_same_digest_is_recovered() -> None:
    wallet = Account.create()
    signature = bytes(wallet.unsafe_sign_hash(DIGEST).signature).hex()
    assert recover_vote(DIGEST, signature) == wallet.address.lower()


def test_a_vote_for_the_other_side_is_another_digest() -> None:
    other = vote_digest(1338, "0x" + "1" * 40, b"\7" * 32, False)
    assert recover_vote(other, JURORS[0].sign_hash(DIGEST)) != JURORS[0].address


def test_the_mirror_image_of_a_signature_is_none() -> None:
    raw = bytes.fromhex(JURORS[0].sign_hash(DIGEST)[2:])
    mirrored = raw[:32] + (ORDER - int.from_bytes(raw[32:64], "big")).to_bytes(32, "big") + bytes([55 - raw[64]])
    assert recover_vote(DIGEST, "0x" + mirrored.hex()) is None
    assert HALF_ORDER == ORDER // 2


@given(
    st.one_of(
        st.text(max_size=140), st.binary(max_size=70).map(bytes.hex), st.binary(min_size=65, max_size=65).map(bytes.hex)
    )
)
def test_no_text_at_all_breaks_the_check_of_a_vote(text: str) -> None:
    assert recover_vote(DIGEST, text) != JURORS[0].address


def votes(*sides: bool | None) -> dict[str, Vote]:
    return {
        key.address: Vote(juror=key.address, uphold=side, signature=f"{side} {place}")
        for place, (key, side) in enumerate(zip(JURORS, sides, strict=True))
        if side is not None
    }


@pytest.mark.parametrize(
    ("sides", "uphold"),
    [
        ((None, None, None), None),
        ((True, None, None), None),
        ((True, False, None), None),
        ((True, True, None), True),
        ((False, None, False), False),
        ((True, False, True), True),
        ((False, True, False), False),
        ((True, True, True), True),
    ],
)
def test_more_than_half_of_those_drawn_rule(sides: tuple[bool | None, ...], uphold: bool | None) -> None:
    ruling = ruling_of([key.address for key in JURORS], votes(*sides))
    assert (ruling.uphold if ruling else None) == uphold
    if ruling:
        assert len(ruling.signatures) == sum(1 for side in sides if side is uphold)
        assert all(signature.startswith(str(uphold)) for signature in ruling.signatures)


def test_a_report_stands_on_chain_without_its_content() -> None:
    assert len(report_hash("j1", "r1")) == 32
    assert report_hash("j1", "r1") != report_hash("j1", "r2")
