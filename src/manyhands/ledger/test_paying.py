"""What is paid next: over any history of refusals and thefts everyone is paid once, as far as the reserve goes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .daily_cap import AGAIN_AFTER_MS
from .outbox import State
from .paying import Amounts, End, NextPayout, Pay, Shown, Signed, Wait, next_payouts, still_due

THIEF = "0xthief"


def id_of(part_no: int) -> str:
    return f"id{part_no}"


@dataclass
class Chain:
    """An escrow and one key's outbox, as far as payouts ask for them."""

    owed: list[tuple[str, int]]
    reserved: int
    more: bool = False
    soon: bool = False
    room: int | None = None
    now_ms: int = AGAIN_AFTER_MS
    signed: list[Signed] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)

    def step(self) -> Pay | End | Wait:
        return next_payouts(
            self.owed, signed=self.signed, shown=self.shown, reserved_base=self.reserved, more=self.more,
            soon=self.soon, room_base=self.room, id_of=id_of, now_ms=self.now_ms,
        )  # fmt: skip

    def sign(self, one: NextPayout, state: State = State.SENT, reason: str = "") -> None:
        settled = 0 if state is State.SENT else self.now_ms
        self.signed.append(Signed(one.part_no, id_of(one.part_no), one.amounts, state, reason, settled))

    def mine(self, one: NextPayout) -> str:
        """As the contract answers. Returns why it refused, "" = it paid."""
        why = ""
        if any(shown.payout_id == id_of(one.part_no) for shown in self.shown):
            why = "payoutId already exists"
        elif sum(base for _, base in one.amounts) > self.left():
            why = "Not enough funds"
        self.sign(one, State.REVERTED if why else State.FINAL, why)
        if not why:
            self.shown.append(Shown(id_of(one.part_no), one.amounts))
        return why

    def steal(self, payout_id: str, *amounts: tuple[str, int]) -> None:
        if sum(base for _, base in amounts) <= self.left():
            self.shown.append(Shown(payout_id, amounts))

    def left(self) -> int:
        return self.reserved - sum(base for one in self.shown for _, base in one.amounts)

    def paid(self, who: str) -> int:
        return sum(base for one in self.shown for worker, base in one.amounts if worker == who)


def only(step: Pay | End | Wait) -> NextPayout:
    assert isinstance(step, Pay)
    (one,) = step.payouts
    return one


OWED = [("0xb", 5), ("0xc", 5), ("0xa", 2), ("0xb", 3)]
WHOLE: Amounts = (("0xa", 2), ("0xb", 8), ("0xc", 5))


def test_an_honest_job_is_paid_at_once_in_the_order_of_addresses_and_ends() -> None:
    chain = Chain(OWED, reserved=15)
    one = only(chain.step())
    assert one == NextPayout(0, 0, WHOLE)
    chain.sign(one)
    assert isinstance(chain.step(), Wait)
    chain.signed.clear()
    assert chain.mine(one) == "" and chain.step() == End()


def test_more_recipients_than_a_transaction_takes_are_split_and_keep_their_order_and_sum() -> None:
    chain = Chain([(f"0x{number:03}", number) for number in range(1, 251)], reserved=251 * 125)
    step = chain.step()
    assert isinstance(step, Pay)
    assert [(one.part_no, len(one.amounts)) for one in step.payouts] == [(0, 100), (1, 100), (2, 50)]
    assert [base for one in step.payouts for _, base in one.amounts] == list(range(1, 251))


def test_nothing_is_paid_in_crumbs_while_the_rest_is_being_reserved() -> None:
    chain = Chain(OWED, reserved=14, more=True, soon=True)
    assert chain.step() == Wait("more is being reserved")
    assert only(replace(chain, reserved=15, more=False, soon=False).step()).amounts == WHOLE


def test_what_may_still_be_reserved_but_not_soon_keeps_nobody_waiting_and_is_waited_for_at_the_end() -> None:
    chain = Chain(OWED, reserved=11, more=True)
    one = only(chain.step())
    assert one.amounts == (("0xa", 1), ("0xb", 5), ("0xc", 5)), "what answers earned comes first"
    chain.mine(one)
    assert isinstance(chain.step(), Wait)
    chain.more = False
    assert chain.step() == End(), "nobody waits for what can never be reserved"


def test_a_worker_whom_somebody_else_has_paid_is_not_paid_again() -> None:
    chain = Chain(OWED, reserved=15)
    chain.steal("early", ("0xb", 7))
    one = only(chain.step())
    assert one.amounts == (("0xa", 2), ("0xb", 1), ("0xc", 5))
    assert chain.mine(one) == "" and chain.step() == End()


def test_a_payout_that_a_theft_overtook_is_made_anew_from_what_is_left_after_an_hour() -> None:
    chain = Chain(OWED, reserved=15)
    whole = only(chain.step())
    chain.steal("theft", (THIEF, 4))
    assert chain.mine(whole) == "Not enough funds"
    assert chain.step() == Wait("payout 0 was refused for now: Not enough funds", until_ms=2 * AGAIN_AFTER_MS)
    chain.now_ms += AGAIN_AFTER_MS
    again = only(chain.step())
    assert again == NextPayout(0, 1, (("0xa", 1), ("0xb", 5), ("0xc", 5)))
    assert chain.mine(again) == "" and chain.step() == End()


def test_a_payout_whose_nonce_was_used_elsewhere_is_signed_again_under_its_id() -> None:
    chain = Chain(OWED, reserved=15)
    chain.sign(only(chain.step()), State.DISPLACED)
    chain.now_ms += AGAIN_AFTER_MS
    assert only(chain.step()) == NextPayout(0, 1, WHOLE)


@pytest.mark.parametrize("under_way", [State.SENT, State.DISPLACED])
def test_an_id_under_which_a_thief_was_paid_is_not_taken_for_the_jobs_payout(under_way: State) -> None:
    chain = Chain(OWED, reserved=15)
    chain.sign(only(chain.step()), under_way)
    chain.steal(id_of(0), (THIEF, 1))
    again = only(chain.step())
    assert again.part_no == 1 and sum(base for _, base in again.amounts) == 14
    assert chain.mine(again) == "" and chain.step() == End()


def test_what_the_chain_shows_stands_whatever_became_of_the_transaction_that_was_meant_to_do_it() -> None:
    chain = Chain(OWED, reserved=15)
    chain.sign(only(chain.step()), State.DISPLACED)  # and a deep reorganisation brought it back
    chain.shown.append(Shown(id_of(0), WHOLE))
    assert chain.step() == End()


def test_a_refusal_that_time_does_not_take_away_waits_for_a_person() -> None:
    chain = Chain(OWED, reserved=15)
    chain.sign(only(chain.step()), State.REVERTED, "Unauthorised")
    chain.now_ms += AGAIN_AFTER_MS
    assert chain.step() == Wait("payout 0 was refused: Unauthorised", alarming=True)


def test_what_nobody_has_earned_stays_reserved_until_a_jury_releases_it() -> None:
    chain = Chain(OWED, reserved=19)
    assert chain.mine(only(chain.step())) == ""
    step = chain.step()
    assert (
        isinstance(step, Wait) and step.alarming and "4 base units are reserved that nobody has earned" in step.because
    )
    chain.reserved -= 4
    assert chain.step() == End()


def test_a_day_takes_what_its_share_holds() -> None:
    chain = Chain(OWED, reserved=15, room=6)
    one = only(chain.step())
    assert one.amounts == (("0xb", 5), ("0xc", 1))
    chain.mine(one)
    chain.room = 0
    assert chain.step() == Wait("the day's share is used up")
    chain.room = 20
    assert only(chain.step()) == NextPayout(1, 0, (("0xa", 2), ("0xb", 3), ("0xc", 4)))


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("look"), st.sampled_from(["mine", "displace", "overtake"])),
        st.tuples(st.just("steal"), st.tuples(st.sampled_from(["0xa", "0xb", "0xc", THIEF]), st.integers(1, 6))),
        st.tuples(st.just("take id"), st.tuples(st.integers(0, 3), st.integers(1, 3))),
        st.tuples(st.just("reserve"), st.integers(1, 5)),
        st.tuples(st.just("room"), st.integers(0, 10)),
    ),
    max_size=20,
)


@given(acts=ACTS, reserved=st.integers(0, 15))
@settings(max_examples=300, deadline=None)
def test_over_any_history_nobody_is_paid_twice_by_this_key_and_all_that_is_left_reaches_who_is_owed(
    acts: list[tuple[str, object]], reserved: int
) -> None:
    chain, stolen = Chain(OWED, reserved=reserved, more=reserved < 15), 0
    total = {"0xa": 2, "0xb": 8, "0xc": 5}

    def look(how: str) -> bool:
        chain.now_ms += AGAIN_AFTER_MS
        step = chain.step()
        if not isinstance(step, Pay):
            return False
        for one in step.payouts:
            for who, base in one.amounts:
                assert chain.paid(who) + base <= total[who], "nobody is paid what somebody else has paid already"
            if how == "displace":
                chain.sign(one, State.DISPLACED)
            elif how == "overtake" and chain.left():
                chain.shown.append(Shown(f"overtaken {len(chain.shown)}", ((THIEF, 1),)))
                chain.mine(one)
            else:
                chain.mine(one)
        return True

    for name, what in acts:
        match name, what:
            case "look", str():
                look(what)
            case "steal", (str() as who, int() as base):
                chain.steal(f"theft {len(chain.shown)}", (who, base))
            case "take id", (int() as part_no, int() as base):
                if not any(one.payout_id == id_of(part_no) for one in chain.shown):
                    chain.steal(id_of(part_no), (THIEF, base))
            case "reserve", int():
                chain.reserved += what
            case "room", int():
                chain.room = what
    chain.more, chain.room = False, None
    for _ in range(20):
        if not look("mine"):
            break
    stolen = chain.paid(THIEF) + sum(max(0, chain.paid(who) - most) for who, most in total.items())
    honest = sum(min(chain.paid(who), most) for who, most in total.items())
    assert honest == min(15, chain.reserved - stolen)
    last = chain.step()
    assert last == End() if chain.left() == 0 else isinstance(last, Wait) and last.alarming
    assert still_due(OWED, {who: chain.paid(who) for who in total}) == [] or chain.left() == 0
