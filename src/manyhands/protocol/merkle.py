"""Merkle trees over salted commitments, checkable by the contract's own rule.

Rules kept here
- A leaf is keccak(0x00 | salt | content), an inner node keccak(0x01 | smaller | larger): a leaf can't pass for a node.
- Pairs are sorted, so a proof is a list of siblings without directions. An odd node moves up unchanged.
- The salt has 256 bits, so an anchored answer of six digits can't be found by trying (measured: < 2 s without salt).

>>> leaves = [leaf(bytes(32), text) for text in (b"12.50", b"7.00", b"TOTAL")]
>>> proves(root(leaves), leaves[1], proof(leaves, 1))
True
"""

from __future__ import annotations

from collections.abc import Sequence

from eth_hash.auto import keccak

EMPTY_ROOT = bytes(32)


def leaf(salt: bytes, content: bytes) -> bytes:
    """Commitment to content, 32 bytes. raises ValueError for a salt that is not 32 bytes."""
    if len(salt) != 32:
        raise ValueError("a salt has 32 bytes")
    return bytes(keccak(b"\x00" + salt + content))


def _node(left: bytes, right: bytes) -> bytes:
    return bytes(keccak(b"\x01" + min(left, right) + max(left, right)))


def _levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    levels = [list(leaves)]
    while len(levels[-1]) > 1:
        below = levels[-1]
        paired = [_node(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        levels.append(paired + below[len(below) - len(below) % 2 :])
    return levels


def root(leaves: Sequence[bytes]) -> bytes:
    """Root of the leaves in the order given; `EMPTY_ROOT` for none."""
    return _levels(leaves)[-1][0] if leaves else EMPTY_ROOT


def proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Siblings from the leaf at index up to the root."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} of {len(leaves)}")
    siblings: list[bytes] = []
    for level in _levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            siblings.append(level[sibling])
        index //= 2
    return siblings


def proves(root_: bytes, leaf_: bytes, siblings: Sequence[bytes]) -> bool:
    """Whether the siblings lead from the leaf to the root."""
    node = leaf_
    for sibling in siblings:
        node = _node(node, sibling)
    return node == root_
