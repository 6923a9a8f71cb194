"""Who judges a report. Pure.

Rules kept here
- The same people and the same seed give the same draw, in whatever order the people are named.
- Everyone eligible is as likely as everyone else: places follow a digest of seed and address.
- The seed mixes a secret, committed to when the job was funded, with the report: the reporter can't know the secret,
  and the drawer can't choose it after seeing the report.

>>> draw(["0xa", "0xb", "0xc", "0xd"], seed=b"s", count=3) == draw(["0xd", "0xc", "0xb", "0xa"], seed=b"s", count=3)
True
>>> draw(["0xa", "0xb"], seed=b"s", count=3)
()
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from manyhands.protocol.ids import digest_bytes


def commitment(secret: bytes) -> str:
    """What is shown of a job's secret before it may be shown itself: 64 hex characters."""
    return digest_bytes("jury commitment", secret).hex()


def seed_of(report_id: str, secret: bytes) -> bytes:
    """Seed of the draw for one report."""
    return digest_bytes("jury seed", report_id, secret)


def eligible_for(named: Iterable[str], *, never: Collection[str]) -> tuple[str, ...]:
    """Who may be drawn: everyone named once, without those who are party to the case."""
    return tuple(sorted({worker.lower() for worker in named} - {party.lower() for party in never}))


def draw(eligible: Iterable[str], *, seed: bytes, count: int) -> tuple[str, ...]:
    """Draws so many jurors without favour.

    count    odd, as the contract asks
    returns  addresses in drawing order; () when there are fewer than `count`: a smaller jury is none
    """
    people = sorted(set(eligible), key=lambda worker: digest_bytes("juror", seed, worker))
    return tuple(people[:count]) if len(people) >= count else ()


class DrawProof(msgspec.Struct, frozen=True, kw_only=True):
    """Everything to draw again. secret "" as long as the case is open: showing it would tell later draws of the job."""

    job_id: str
    report_id: str
    commitment: str
    secret: str
    eligible: tuple[str, ...]
    jurors: tuple[str, ...]

    def holds(self) -> bool:
        """Whether the shown secret is the committed one and gives these jurors."""
        secret = bytes.fromhex(self.secret)
        drawn = draw(self.eligible, seed=seed_of(self.report_id, secret), count=len(self.jurors))
        return commitment(secret) == self.commitment and drawn == self.jurors
