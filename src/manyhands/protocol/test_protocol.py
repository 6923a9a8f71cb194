"""What all parties agree on holds for every value, and its breach is told by name."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyhands.protocol import canonical, lifecycles, merkle
from manyhands.protocol.errors import BadManifest, BadSignature, IllegalMove, ProtocolError
from manyhands.protocol.evidence import AnswerRecord, BatchEvidence, EvidenceMismatch, check_receipt, receipt
from manyhands.protocol.ids import SeededIds, digest
from manyhands.protocol.manifest import Manifest, PayRule, QualityRule, check_manifest, parse_manifest
from manyhands.protocol.messages import (
    BATCH_MAX,
    MESSAGE_BYTES_MAX,
    AnswerFact,
    AnswersCollected,
    CancelRequested,
    TasksWithdrawn,
    decode_envelope,
    encode_envelope,
    open_envelope,
    seal,
)
from manyhands.protocol.money import EUR, MHT, BadAmount, Money, parse_money, split_by_weight, split_evenly
from manyhands.protocol.signing import LocalSigner, recover_signer

honest_launcher = LocalSigner.create(SeededIds("launcher"))
outsider = LocalSigner.create(SeededIds("outsider"))


def manifest(**changes: object) -> Manifest:
    base = Manifest(
        job_id="j1", title="Receipts", requester="0xaa", task_type="transcription",
        pay=PayRule(per_hour_minor=12_000_000, floor_per_hour_minor=12_000_000),
        page_count=1, document_count=1, budget_minor=1_000_000, created_at_ms=1,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


@given(st.integers(0, 10**15), st.integers(1, 300))
def test_splitting_evenly_loses_nothing_and_differs_by_one_at_most(minor: int, parts: int) -> None:
    shares = [share.minor for share in split_evenly(Money(minor, EUR), parts=parts)]
    assert sum(shares) == minor
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any))
def test_splitting_by_weight_loses_nothing_and_gives_nothing_to_no_weight(minor: int, weights: list[int]) -> None:
    shares = split_by_weight(Money(minor, MHT), weights)
    assert sum(share.minor for share in shares) == minor
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share.minor * sum(weights) - minor * weight) <= sum(weights)
        assert weight or share.minor == 0


@pytest.mark.parametrize("text", ["", "12", "USD", "twelve USD", "12XYZ", "1.234EUR", "1e3USD", "12,5EUR"])
def test_a_text_that_is_no_amount_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(BadAmount) as caught:
        parse_money(text)
    assert caught.value.cure


@given(st.integers(-(10**15), 10**15), st.sampled_from([EUR, MHT]))
def test_an_amount_written_and_read_again_is_the_same(minor: int, currency: object) -> None:
    money = Money(minor, currency)  # type: ignore[arg-type]
    assert parse_money(str(money)) == money


@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_ids_coincide_only_for_the_same_meaning(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


TABLES = {name: table for name, table in vars(lifecycles).items() if name.endswith("_MOVES")}


@pytest.mark.parametrize("name", TABLES)
def test_every_move_outside_the_table_is_refused(name: str) -> None:
    table = TABLES[name]
    verbs = {verb for _, verb in table}
    for state, verb in itertools.product(lifecycles.states(table), verbs):
        if (state, verb) in table:
            assert lifecycles.move(table, "it", state, verb) == table[state, verb]
        else:
            with pytest.raises(IllegalMove, match=f"it is {state}"):
                lifecycles.move(table, "it", state, verb)


@pytest.mark.parametrize("name", TABLES)
def test_every_life_has_an_end_that_every_state_can_reach(name: str) -> None:
    table = TABLES[name]
    ends = lifecycles.final_states(table)
    assert ends
    reaching = set(ends)
    for _ in table:
        reaching |= {state for (state, _), after in table.items() if after in reaching}
    assert reaching == lifecycles.states(table)


def test_a_sealed_message_opens_to_what_was_said() -> None:
    body = TasksWithdrawn(job_id="j1", task_ids=("t2", "t1"), because="report upheld")
    envelope = seal(
        body, signer=honest_launcher, sender_role="exchange", recipient="0xbb", recipient_role="recording", now_ms=5
    )
    assert open_envelope(decode_envelope(encode_envelope(envelope))) == body


@pytest.mark.parametrize("field", ["sender", "recipient", "job_id", "body_type", "id", "sent_at_ms", "sender_role"])
def test_a_message_changed_in_any_field_is_not_believed(field: str) -> None:
    envelope = seal(
        CancelRequested(job_id="j1"), signer=honest_launcher, sender_role="launcher", recipient="0xbb",
        recipient_role="exchange", now_ms=5,
    )  # fmt: skip
    forged = {"sent_at_ms": 6, "sender_role": "jury"}.get(field, "forged")
    with pytest.raises(BadSignature):
        open_envelope(msgspec.structs.replace(envelope, **{field: forged}))


def test_a_message_signed_by_someone_else_is_not_believed() -> None:
    envelope = seal(
        CancelRequested(job_id="j1"), signer=outsider, sender_role="launcher", recipient="0xbb",
        recipient_role="exchange", now_ms=5,
    )  # fmt: skip
    with pytest.raises(BadSignature) as caught:
        open_envelope(msgspec.structs.replace(envelope, sender=honest_launcher.address))
    assert caught.value.recovered != honest_launcher.address


def test_a_truly_signed_message_whose_id_does_not_follow_from_its_content_is_refused() -> None:
    envelope = seal(
        CancelRequested(job_id="j1"), signer=outsider, sender_role="launcher", recipient="0xbb",
        recipient_role="exchange", now_ms=5,
    )  # fmt: skip
    other = msgspec.structs.replace(envelope, id=digest("another"), signature="")
    resigned = msgspec.structs.replace(other, signature=outsider.sign_text(other.signed_bytes()))
    with pytest.raises(ProtocolError, match="id does not follow"):
        open_envelope(resigned)


@given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=40), st.data())
def test_every_leaf_is_proved_and_no_other_content_is(contents: list[bytes], data: st.DataObject) -> None:
    salts = [SeededIds(index).random_bytes(32) for index in range(len(contents))]
    leaves = [merkle.leaf(salt, content) for salt, content in zip(salts, contents, strict=True)]
    index = data.draw(st.integers(0, len(leaves) - 1))
    siblings = merkle.proof(leaves, index)
    assert merkle.proves(merkle.root(leaves), leaves[index], siblings)
    assert not merkle.proves(merkle.root(leaves), merkle.leaf(salts[index], contents[index] + b"!"), siblings)


def evidence_of(texts: list[str]) -> BatchEvidence:
    ids = SeededIds("salts")
    return BatchEvidence(
        job_id="j1", batch_no=1, tasks=(), withdrawn=(), standings={}, decisions=(), refused=(),
        decisions_salt=ids.random_bytes(32).hex(),
        answers=tuple(
            AnswerRecord(
                answer=AnswerFact(task_id=f"t{i}", worker="0xa", text=text, active_ms=1, received_at_ms=i),
                reward_minor=7, salt=ids.random_bytes(32).hex(),
            )
            for i, text in enumerate(texts)
        ),
    )  # fmt: skip


@given(st.lists(st.text(max_size=6), min_size=1, max_size=12), st.data())
def test_a_receipt_proves_its_answer_and_a_changed_answer_is_found(texts: list[str], data: st.DataObject) -> None:
    evidence = evidence_of(texts)
    kept = receipt(evidence, data.draw(st.integers(0, len(texts) - 1)), chain_id=1338, escrow="0xe")
    check_receipt(kept, anchored_roots=["0x" + evidence.root().hex()])
    changed = msgspec.structs.replace(
        kept, record=msgspec.structs.replace(kept.record, reward_minor=kept.record.reward_minor + 1)
    )
    with pytest.raises(EvidenceMismatch):
        check_receipt(changed, anchored_roots=[kept.root])
    with pytest.raises(EvidenceMismatch, match="root on chain"):
        check_receipt(kept, anchored_roots=[])


def test_the_root_covers_decisions_and_tasks_too() -> None:
    evidence = evidence_of(["12.50"])
    assert msgspec.structs.replace(evidence, withdrawn=("t9",)).root() != evidence.root()


BROKEN = {
    "title": {"title": " "},
    "pay.per_hour_minor": {"pay": PayRule(per_hour_minor=5, floor_per_hour_minor=6)},
    "pay.currency": {"pay": PayRule(per_hour_minor=6, floor_per_hour_minor=6, currency="DOGE")},
    "quality.target_bp": {"quality": QualityRule(target_bp=10_000)},
    "quality.max_answers": {"quality": QualityRule(max_answers=0)},
    "quality.benchmark_bp": {"quality": QualityRule(target_bp=9_000, benchmark_bp=9_500)},
    "lease_ms": {"lease_ms": 1},
    "page_count": {"page_count": 0},
    "budget_minor": {"budget_minor": 0},
}


@pytest.mark.parametrize("field", BROKEN)
def test_a_manifest_out_of_bounds_is_refused_by_the_name_of_its_field(field: str) -> None:
    with pytest.raises(BadManifest) as caught:
        check_manifest(manifest(**BROKEN[field]))
    assert caught.value.field == field


def test_a_manifest_within_bounds_is_taken_and_read_back_the_same() -> None:
    whole = manifest()
    check_manifest(whole, task_types=["transcription"])
    assert parse_manifest(canonical.encode(whole)) == whole


def test_an_unknown_task_type_and_an_unknown_field_are_named() -> None:
    with pytest.raises(BadManifest, match="telepathy"):
        check_manifest(manifest(task_type="telepathy"), task_types=["transcription"])
    raw = msgspec.to_builtins(manifest()) | {"per_hour": 3}
    with pytest.raises(BadManifest, match="per_hour"):
        parse_manifest(raw)


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=32, max_size=32).filter(any), st.binary(max_size=80))
def test_a_signature_is_what_a_wallet_would_make_and_its_signer_is_found(key: bytes, text: bytes) -> None:
    from eth_account import Account
    from eth_account.messages import encode_defunct

    signer, wallet = LocalSigner(key), Account.from_key(key)
    assert signer.address == wallet.address.lower()
    signature = signer.sign_text(text)
    assert signature == "0x" + bytes(wallet.sign_message(encode_defunct(primitive=text)).signature).hex()
    v = int(signature[-2:], 16)
    for told in (signature, signature[2:], signature.upper().replace("0X", "0x"), f"{signature[:-2]}{v - 27:02x}"):
        assert recover_signer(text, told) == signer.address
    assert recover_signer(text + b"!", signature) != signer.address


@pytest.mark.parametrize(
    "broken",
    ["", "0x", "0x00", "0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "11" * 64 + "1d", "0x" + "zz" * 65, "0x" + "1 " * 65],
)
def test_a_signature_that_is_none_has_no_signer(broken: str) -> None:
    assert recover_signer(b"text", broken) is None


def test_a_batch_of_the_longest_answers_there_can_be_is_no_message_too_large() -> None:
    answers = tuple(
        AnswerFact(
            task_id=f"{n:064x}",
            worker="0x" + "a" * 40,
            text="\U0001f600" * 2_000,
            active_ms=2**31 - 1,
            received_at_ms=1,
        )
        for n in range(BATCH_MAX)
    )
    body = AnswersCollected(job_id="j" * 64, batch_no=1_000, answers=answers)
    assert 8_000_000 < len(canonical.encode(body)) < MESSAGE_BYTES_MAX * 6 // 10
