"""What can go wrong between this program and a chain.

Rules kept here
- Every error names the chain, file, URL or address it is about and carries it as a field.
- `cure` is one sentence for the person who can do something about it.
"""

from __future__ import annotations

from pathlib import Path

from manyhands.protocol.errors import ManyhandsError


class ChainError(ManyhandsError):
    """Base of everything the chain package raises on purpose."""


class FactsInvalid(ChainError):
    """A facts file does not describe a chain."""

    def __init__(self, file: str, field: str, problem: str) -> None:
        self.file, self.field, self.problem = file, field, problem
        super().__init__(
            f"facts file {file}, field {field or '(whole file)'}: {problem}",
            cure="Correct that field; the shipped files in manyhands/chain/facts are complete examples.",
        )


class AnvilMissing(ChainError):
    """There is no anvil on this machine yet."""

    def __init__(self, looked_at: list[str]) -> None:
        self.looked_at = looked_at
        super().__init__(
            "the local chain needs anvil, which was found neither at " + " nor at ".join(looked_at),
            cure="Run `manyhands doctor` once with a network: it obtains anvil. Or point MANYHANDS_ANVIL at a binary.",
        )


class PortTaken(ChainError):
    """Somebody else listens where the local chain wants to listen."""

    def __init__(self, port: int, *, wanted_chain_id: int, found_chain_id: int | None) -> None:
        self.port, self.wanted_chain_id, self.found_chain_id = port, wanted_chain_id, found_chain_id
        who = (
            "by another program"
            if found_chain_id is None
            else f"by a chain with id {found_chain_id} that this program did not start"
        )
        super().__init__(
            f"port {port}, wanted for chain {wanted_chain_id}, is taken {who}",
            cure=f"Stop that program or choose another port than {port}.",
        )


class NodeDied(ChainError):
    """The local chain's process ended although nobody asked it to."""

    def __init__(self, chain_id: int, exit_code: int | None, log: Path) -> None:
        self.chain_id, self.exit_code, self.log = chain_id, exit_code, log
        super().__init__(
            f"the node of chain {chain_id} ended with code {exit_code} before it answered",
            cure=f"Read {log.name} in the chain's data folder; a full disk and too little memory are the usual causes.",
        )


class ChainUnreachable(ChainError):
    """No URL of the chain answers. Work that needs no chain goes on; payments wait in the outbox."""

    def __init__(self, chain_id: int, problems: dict[str, str]) -> None:
        self.chain_id, self.problems = chain_id, problems
        told = "; ".join(f"{url}: {problem}" for url, problem in problems.items())
        super().__init__(
            f"chain {chain_id} is unreachable ({told})",
            cure="Check the network and the RPC URLs in the facts file; nothing is lost, waiting transactions are sent "
            "when it answers again.",
        )


class WrongChain(ChainError):
    """A URL answers for another chain than its facts file says."""

    def __init__(self, url: str, *, wanted: int, found: int) -> None:
        self.url, self.wanted, self.found = url, wanted, found
        super().__init__(
            f"{url} serves chain {found}, the facts file says {wanted}",
            cure="Correct chain_id or the URL in the facts file; nothing was sent.",
        )


class ChainDisagrees(ChainError):
    """Two URLs of one chain tell different stories. Sending stops until they agree."""

    def __init__(self, chain_id: int, about: str, answers: dict[str, str]) -> None:
        self.chain_id, self.about, self.answers = chain_id, about, answers
        told = "; ".join(f"{url} says {answer}" for url, answer in answers.items())
        super().__init__(
            f"the URLs of chain {chain_id} disagree about {about}: {told}",
            cure="Payments on this chain are stopped. Remove the URL that is wrong from the facts file and restart.",
        )


class HistoryIncomplete(ChainError):
    """A node tells of an event and does not have its transaction: reading again later, perhaps elsewhere, may help."""

    def __init__(self, chain_id: int, tx_hash: str) -> None:
        self.chain_id, self.tx_hash = chain_id, tx_hash
        super().__init__(f"chain {chain_id} tells of an event in {tx_hash} and has no receipt of it now")


class CallReverted(ChainError):
    """A contract refused a call."""

    def __init__(self, to: str | None, reason: str, data: bytes = b"") -> None:
        self.to, self.reason, self.data = to, reason, data
        super().__init__(f"{to or 'the new contract'} refused the call: {reason or 'no reason given'}")


class RpcRefused(ChainError):
    """A node answered a request with an error."""

    def __init__(self, url: str, method: str, code: int, message: str, data: object = None) -> None:
        self.url, self.method, self.code, self.reason, self.data = url, method, code, message, data
        super().__init__(f"{url} refused {method}: {message} (code {code})")


class AnswerUnreadable(ChainError):
    """A node answers with something that is not what the protocol says. As good as no answer."""

    def __init__(self, about: str, problem: str) -> None:
        self.about, self.problem = about, problem
        super().__init__(
            f"a node answered with something that is not {about}: {problem}",
            cure="Check that the RPC URLs in the facts file lead to nodes, not to a web page or a gateway in trouble.",
        )


class TransactionRefused(ChainError):
    """A node does not take a transaction, and sending the same bytes again will not help."""

    def __init__(self, tx_hash: str, reason: str) -> None:
        self.tx_hash, self.reason = tx_hash, reason
        super().__init__(
            f"the node refuses transaction {tx_hash}: {reason}",
            cure="Insufficient funds: send gas money to the sender. Anything else: read the reason; it waits.",
        )


class KeyFileExposed(ChainError):
    """Other users of this machine can read a private key."""

    def __init__(self, path: Path, mode: int) -> None:
        self.path, self.mode = path, mode
        super().__init__(
            f"key file {path.name} can be read by others (mode {mode:04o})",
            cure=f"Run `chmod 600 {path.name}` in its folder; if others had access, replace the key.",
        )


class KeyFileInvalid(ChainError):
    """A key file does not hold a private key."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"key file {path.name}: {problem}",
            cure="Restore the file from a backup. Deleting it makes a new key with a new address, which owns nothing.",
        )
