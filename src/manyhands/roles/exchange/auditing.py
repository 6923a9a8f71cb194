"""What a machine's reading is believed of is audited: people read a random sample, and the job's threshold follows.

Rules kept here
- Only where the manifest asks for it (`Manifest.audit`); the job starts from a looser threshold than others do.
- The audit's tasks are tasks like any other: lent, judged, paid, recorded. Their verdicts are what is delivered.
- Pure: a page's plans and the words on its tasks in, what to ask next out. Whoever holds both finds the same again.
- A sampled piece whose task came to no value speaks against the machine: nothing has shown it right.
- Pieces that measure workers (gold) stand outside: the audit draws its own, from all the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from manyhands.protocol.manifest import Manifest, UnseenAudit

from .decisions import PiecePlan

if TYPE_CHECKING:
    from manyhands.documents.acceptance import AcceptUnseen, Ask
    from manyhands.documents.audit import Audited, ShowThese

AUDIT_NAME = "audit.json"
AUDITED_POLICY = "audited"
"""Acceptance policy of a job with an audit: its threshold is the loosest that the audit may end with."""


class DecidedPiece(Protocol):
    """The word on a task, as far as an audit reads it."""

    @property
    def piece_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def value(self) -> str | None: ...


class PlannedPage(Protocol):
    """A page with the plans of its pieces as JSON."""

    @property
    def pieces(self) -> bytes | None: ...


class AuditedPiece(msgspec.Struct, frozen=True):
    """One piece that people read although it was believed. joint_bp: how sure the readers were of it."""

    piece_id: str
    believed: str
    read: str | None
    joint_bp: int
    right: bool


def with_audit(
    pages: Mapping[int, Sequence[PiecePlan]], decisions: Mapping[str, AcceptUnseen | Ask], manifest: Manifest
) -> dict[int, list[PiecePlan]]:
    """The plans of a job that is about to open, its first sample among those that people are asked about."""
    from manyhands.documents.audit import ShowThese

    marked = {page_key: [_marked(plan, decisions) for plan in plans] for page_key, plans in pages.items()}
    step = next_step((plan for plans in marked.values() for plan in plans), (), manifest)
    chosen = set(step.piece_ids) if isinstance(step, ShowThese) else set()
    return {
        page_key: [
            msgspec.structs.replace(plan, unseen=None, because=AUDIT_BECAUSE) if plan.piece.piece_id in chosen else plan
            for plan in plans
        ]
        for page_key, plans in marked.items()
    }


AUDIT_BECAUSE = "audit: a random sample of what would be believed unseen"


def next_step(
    plans: Iterable[PiecePlan], decided: Sequence[DecidedPiece], manifest: Manifest
) -> ShowThese | Audited | None:
    """What the audit does next; None for a job without one.

    plans    of all pages
    decided  the final words on all tasks there are
    """
    from manyhands.documents.acceptance import POLICIES
    from manyhands.documents.audit import BelievedPiece, next_of_audit

    rule = manifest.audit
    if not isinstance(rule, UnseenAudit):
        return None
    marked = [plan for plan in plans if plan.joint_bp is not None]
    return next_of_audit(
        [BelievedPiece(plan.piece.piece_id, plan.joint_bp or 0) for plan in marked],
        {one.piece_id: not one.right for one in audited_pieces(marked, decided)},
        job_id=manifest.job_id,
        loosest_bp=POLICIES[AUDITED_POLICY].joint_bp,
        wrong_share_bp=rule.wrong_share_bp,
        confidence_bp=rule.confidence_bp,
        sample_max_bp=rule.sample_max_bp,
    )


def audited_pieces(plans: Iterable[PiecePlan], decided: Sequence[DecidedPiece]) -> list[AuditedPiece]:
    """Believed pieces that people have had their word on, in order of id."""
    from manyhands.documents.text import same_value

    believed = {plan.piece.piece_id: plan for plan in plans if plan.joint_bp is not None}
    first = {one.piece_id: one for one in reversed(decided) if one.piece_id in believed}
    found = []
    for piece_id, word in sorted(first.items()):
        plan = believed[piece_id]
        read = word.value if word.state == "accepted" else None
        right = read is not None and same_value(read, plan.believed)
        found.append(AuditedPiece(piece_id, plan.believed, read, plan.joint_bp or 0, right))
    return found


def audit_file(plans: Sequence[PiecePlan], decided: Sequence[DecidedPiece], manifest: Manifest) -> bytes | None:
    """What the audit showed, with all that it takes to repeat it; None for a job without one. For a thread."""
    from manyhands.documents.audit import Audited

    step = next_step(plans, decided, manifest)
    if step is None:
        return None
    told = {
        "asked_for": manifest.audit,
        "believed": sum(plan.joint_bp is not None for plan in plans),
        "outcome": step if isinstance(step, Audited) else None,
        "because": "" if isinstance(step, Audited) else "the job ended before its audit did",
        "read_by_people": audited_pieces(plans, decided),
        "believed_unseen": sorted(
            (plan.piece.piece_id, plan.joint_bp)
            for plan in plans
            if plan.joint_bp is not None and plan.unseen is not None
        ),
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


def plans_of(pages: Iterable[PlannedPage]) -> list[PiecePlan]:
    """What is to be done with the pieces of all pages."""
    return [plan for page in pages for plan in msgspec.json.decode(page.pieces or b"[]", type=list[PiecePlan])]


def _marked(plan: PiecePlan, decisions: Mapping[str, AcceptUnseen | Ask]) -> PiecePlan:
    """The plan with what the machine believes of it, where that can be audited: a text, and no measure of workers."""
    if not plan.unseen or plan.gold or plan.left_out:
        return plan
    joint_bp = getattr(decisions[plan.piece.piece_id], "joint_bp", 10_000)
    return msgspec.structs.replace(plan, believed=plan.unseen, joint_bp=joint_bp)
