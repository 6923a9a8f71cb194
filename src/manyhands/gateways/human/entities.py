"""What HUMAN's clients ask a subgraph for, made from the events of our contracts. Pure: no chain, no tables, no clock.

Rules kept here
- Names, ids and meanings are those of HUMAN's subgraph, so that its SDK (7.3.1) reads them unchanged.
- Events come in the order of the chain, each once. Whoever learns that the past changed begins a new `Entities`.
- Where our contracts know more than HUMAN's, the truth is told: a balance counts top-ups and keeps unclaimed credits.

    known = Entities()
    for event in events:
        known.apply(event)
    known.escrows["0x..."]["status"]                     # "Partial"

Amounts are whole base units of a token as int, times are seconds, addresses lower-case.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from manyhands.chain.indexer import Event

Row = dict[str, Any]

_ADDRESS = re.compile(r"^0x[0-9a-f]{40}$")
DAY_S = 86_400

OPERATOR_WORDS = {
    "role": "role",
    "fee": "fee",
    "publickey": "publicKey",
    "public_key": "publicKey",
    "webhookurl": "webhookUrl",
    "webhook_url": "webhookUrl",
    "website": "website",
    "url": "url",
    "jobtypes": "jobTypes",
    "job_types": "jobTypes",
    "registration_needed": "registrationNeeded",
    "registration_instructions": "registrationInstructions",
    "name": "name",
    "category": "category",
}
"""Key of the KVStore, in lower case -> field of an operator."""

METHODS = {
    "LaunchedV2": "createEscrow",
    "PendingV3": "setup",
    "IntermediateStorage": "storeResults",
    "BulkTransferV3": "bulkTransfer",
    "CancellationRequested": "requestCancellation",
    "CancellationRefund": "cancellationRefund",
    "Cancelled": "cancel",
    "Completed": "complete",
    "Withdraw": "withdraw",
    "StakeDeposited": "stake",
    "StakeLocked": "unstake",
    "StakeWithdrawn": "stakeWithdrawn",
    "StakeSlashed": "slash",
    "DataSaved": "set",
    "Transfer": "transfer",
}
"""Event -> the method that HUMAN's subgraph names its transaction after."""

INDEXED = {
    "payouts": ("recipient", "escrowAddress"),
    "escrowStatusEvents": ("escrowAddress",),
    "cancellationRefundEvents": ("escrowAddress",),
    "kvstores": ("address",),
}
"""Collection -> fields by which its rows are found without looking at all of them. They never change in a row."""

EMPTY_STATISTICS: Mapping[str, int] = {
    "fundEventCount": 0,
    "storeResultsEventCount": 0,
    "bulkPayoutEventCount": 0,
    "pendingStatusEventCount": 0,
    "cancelledStatusEventCount": 0,
    "partialStatusEventCount": 0,
    "paidStatusEventCount": 0,
    "completedStatusEventCount": 0,
    "totalEventCount": 0,
    "totalEscrowCount": 0,
}
EMPTY_DAY: Mapping[str, int] = {
    "dailyFundEventCount": 0,
    "dailyStoreResultsEventCount": 0,
    "dailyBulkPayoutEventCount": 0,
    "dailyPendingStatusEventCount": 0,
    "dailyCancelledStatusEventCount": 0,
    "dailyPartialStatusEventCount": 0,
    "dailyPaidStatusEventCount": 0,
    "dailyCompletedStatusEventCount": 0,
    "dailyTotalEventCount": 0,
    "dailyEscrowCount": 0,
    "dailyWorkerCount": 0,
    "dailyPayoutCount": 0,
}
_COUNTED = {
    "Pending": "PendingStatus",
    "Partial": "PartialStatus",
    "Paid": "PaidStatus",
    "Complete": "CompletedStatus",
    "Cancelled": "CancelledStatus",
}


class Entities:
    """Everything that can be asked for, by id. block_number, block_timestamp_s  of the newest event"""

    def __init__(self) -> None:
        self.escrows: dict[str, Row] = {}
        self.status_events: dict[str, Row] = {}
        self.refunds: dict[str, Row] = {}
        self.payouts: dict[str, Row] = {}
        self.kvstores: dict[str, Row] = {}
        self.operators: dict[str, Row] = {}
        self.stakers: dict[str, Row] = {}
        self.networks: dict[str, Row] = {}
        self.workers: dict[str, Row] = {}
        self.rewards: dict[str, Row] = {}
        self.transactions: dict[str, Row] = {}
        self.days: dict[str, Row] = {}
        self.statistics: Row = {"id": "0x" + b"escrow-statistics-id".hex(), **EMPTY_STATISTICS}
        self.block_number = 0
        self.block_timestamp_s = 0
        self._by: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self._escrow_of_case: dict[str, str] = {}
        self._seen_on_day: defaultdict[int, set[str]] = defaultdict(set)
        self._takes: Mapping[str, Callable[[Event, Row], None]] = {
            "PendingV3": self._pending,
            "Fund": self._fund,
            "IntermediateStorage": self._stored,
            "BulkTransferV3": self._paid,
            "CancellationRequested": self._asked_to_cancel,
            "Upheld": self._upheld,
            "CancellationRefund": self._refunded,
            "CompletionRefund": self._gave,
            "OracleFeeTransfer": self._gave_fees,
            "Credited": self._kept,
            "Claimed": self._gave,
            "Withdraw": self._withdrew,
            "Cancelled": self._cancelled,
            "Completed": self._completed,
        }

    def apply(self, event: Event) -> None:
        """Takes one event in. Events of no meaning to HUMAN's clients change nothing but the newest block."""
        self.block_number = max(self.block_number, event.block_number)
        self.block_timestamp_s = max(self.block_timestamp_s, event.block_timestamp_s)
        args = event.args
        match event.contract_kind, event.name:
            case "EscrowFactory", "LaunchedV2":
                self._launched(event)
            case "Escrow", name if name in self._takes and event.contract in self.escrows:
                self._takes[name](event, self.escrows[event.contract])
            case "TestToken", "Transfer":
                self._arrived(event)
            case "KVStore", "DataSaved":
                self._saved(event)
            case "Staking", "StakeDeposited":
                staker = self._staker(str(args["staker"]))
                staker["stakedAmount"] += int(args["tokens"])
                staker["lastDepositTimestamp"] = event.block_timestamp_s
            case "Staking", "StakeLocked":
                staker = self._staker(str(args["staker"]))
                staker["lockedAmount"] = int(args["tokens"])
                staker["lockedUntilTimestamp"] = int(args["until"])
            case "Staking", "StakeWithdrawn":
                staker = self._staker(str(args["staker"]))
                staker["withdrawnAmount"] += int(args["tokens"])
                self._unstaked(staker, int(args["tokens"]), locked_minor=int(args["tokens"]))
            case "Staking", "StakeSlashed":
                staker = self._staker(str(args["staker"]))
                staker["slashedAmount"] += int(args["tokens"])
                self._unstaked(staker, int(args["tokens"]), locked_minor=0)
            case "Jury", "Ruled":
                self._escrow_of_case[str(args["caseId"])] = str(args["escrow"])
            case "Jury", "Shared":
                self._rewarded(event)
            case _:
                return
        self._transaction(event)

    def rows_by(self, collection: str, field: str, value: str) -> list[Row]:
        """Rows of an indexed field (`INDEXED`) that has this value."""
        return self._by.get((collection, field, value), [])

    def _put(self, collection: str, rows: dict[str, Row], row: Row) -> None:
        if row["id"] not in rows:
            for field in INDEXED.get(collection, ()):
                self._by[collection, field, row[field]].append(row)
        rows[row["id"]] = row

    # --- escrows ---

    def _launched(self, event: Event) -> None:
        address = str(event.args["escrow"])
        self.escrows[address] = {
            "id": address,
            "address": address,
            "token": str(event.args["token"]),
            "factoryAddress": event.contract,
            "launcher": event.sender,
            "canceler": event.sender,
            "jobRequesterId": str(event.args["jobRequesterId"]),
            "count": 0,
            "balance": 0,
            "totalFundedAmount": 0,
            "amountPaid": 0,
            "status": "Launched",
            "manifest": None,
            "manifestHash": None,
            "reputationOracle": None,
            "recordingOracle": None,
            "exchangeOracle": None,
            "reputationOracleFee": None,
            "recordingOracleFee": None,
            "exchangeOracleFee": None,
            "intermediateResultsUrl": None,
            "intermediateResultsHash": None,
            "finalResultsUrl": None,
            "finalResultsHash": None,
            "createdAt": event.block_timestamp_s,
            "cancellationRequestedAt": None,
        }
        self.statistics["totalEscrowCount"] += 1
        self._day(event)["dailyEscrowCount"] += 1
        self._operator(event.sender)["amountJobsProcessed"] += 1
        self._status(event, self.escrows[address], "Launched")

    def _pending(self, event: Event, escrow: Row) -> None:
        args = event.args
        escrow["manifest"], escrow["manifestHash"] = str(args["manifest"]), str(args["hash"])
        for role in ("reputationOracle", "recordingOracle", "exchangeOracle"):
            escrow[role] = str(args[role])
            escrow[f"{role}Fee"] = int(args[f"{role}FeePercentage"])
            self._operator(escrow[role])["amountJobsProcessed"] += 1
        self._status(event, escrow, "Pending")

    def _fund(self, event: Event, escrow: Row) -> None:
        escrow["balance"] = escrow["totalFundedAmount"] = int(event.args["amount"])
        self._count(event, "Fund")

    def _arrived(self, event: Event) -> None:
        """A plain transfer: what comes before setup is told by `Fund`, what comes after it is a top-up."""
        escrow = self.escrows.get(str(event.args["_to"]))
        if escrow is not None and escrow["token"] == event.contract:
            escrow["balance"] += int(event.args["_value"])
            if escrow["status"] != "Launched":
                escrow["totalFundedAmount"] += int(event.args["_value"])

    def _stored(self, event: Event, escrow: Row) -> None:
        escrow["intermediateResultsUrl"] = str(event.args["url"])
        escrow["intermediateResultsHash"] = str(event.args["hash"])
        self._count(event, "StoreResults")

    def _paid(self, event: Event, escrow: Row) -> None:
        args, day = event.args, self._day(event)
        for place, (recipient, amount) in enumerate(zip(args["recipients"], args["amounts"], strict=True)):
            worker = str(recipient)
            paid = self.workers.setdefault(worker, {"id": worker, "address": worker, "payoutCount": 0})
            paid["payoutCount"] += 1
            payout = {
                "id": f"{event.tx_hash}{worker[2:]}{event.index_in_tx:04x}{place:02x}",
                "escrowAddress": event.contract,
                "recipient": worker,
                "amount": int(amount),
                "createdAt": event.block_timestamp_s,
            }
            self._put("payouts", self.payouts, payout)
            escrow["amountPaid"] += int(amount)
            escrow["balance"] -= int(amount)
            day["dailyPayoutCount"] += 1
            seen = self._seen_on_day[event.block_timestamp_s // DAY_S]
            day["dailyWorkerCount"] += worker not in seen
            seen.add(worker)
        escrow["count"] += 1
        escrow["finalResultsUrl"] = str(args["finalResultsUrl"])
        escrow["finalResultsHash"] = str(args["finalResultsHash"])
        self._count(event, "BulkPayout")
        self._status(event, escrow, "Partial" if args["isPartial"] else "Paid")

    def _kept(self, event: Event, escrow: Row) -> None:
        """Could not be sent: the act that follows counts it as gone, and it is here until it is claimed."""
        escrow["balance"] += int(event.args["amount"])

    def _gave(self, event: Event, escrow: Row) -> None:
        escrow["balance"] -= int(event.args["amount"])

    def _gave_fees(self, event: Event, escrow: Row) -> None:
        escrow["balance"] -= sum(int(amount) for amount in event.args["amounts"])

    def _withdrew(self, event: Event, escrow: Row) -> None:
        if escrow["token"] == str(event.args["token"]):
            escrow["balance"] -= int(event.args["amount"])

    def _asked_to_cancel(self, event: Event, escrow: Row) -> None:
        escrow["cancellationRequestedAt"] = event.block_timestamp_s
        escrow["canceler"] = event.sender
        self._status(event, escrow, "ToCancel")

    def _upheld(self, event: Event, escrow: Row) -> None:
        if escrow["status"] in ("Pending", "Partial"):
            self._status(event, escrow, "ToCancel")

    def _refunded(self, event: Event, escrow: Row) -> None:
        self._gave(event, escrow)
        refund = {
            "id": _event_id(event),
            "escrowAddress": event.contract,
            "receiver": escrow["launcher"],
            "amount": int(event.args["amount"]),
            "block": event.block_number,
            "timestamp": event.block_timestamp_s,
            "txHash": event.tx_hash,
        }
        self._put("cancellationRefundEvents", self.refunds, refund)

    def _cancelled(self, event: Event, escrow: Row) -> None:
        self._status(event, escrow, "Cancelled")

    def _completed(self, event: Event, escrow: Row) -> None:
        self._status(event, escrow, "Complete")

    def _status(self, event: Event, escrow: Row, status: str) -> None:
        escrow["status"] = status
        told = {
            "id": _event_id(event),
            "escrowAddress": escrow["address"],
            "launcher": escrow["launcher"],
            "sender": event.sender,
            "status": status,
            "block": event.block_number,
            "timestamp": event.block_timestamp_s,
            "txHash": event.tx_hash,
        }
        self._put("escrowStatusEvents", self.status_events, told)
        if status in _COUNTED:
            self._count(event, _COUNTED[status])

    # --- operators, stakers, jurors ---

    def _saved(self, event: Event) -> None:
        sender, key, value = str(event.args["sender"]), str(event.args["key"]), str(event.args["value"])
        kv_id = f"{sender}-{key}"
        if kv_id not in self.kvstores:
            self._put("kvstores", self.kvstores, {"id": kv_id, "address": sender, "key": key})
        said = {"value": value, "block": event.block_number, "timestamp": event.block_timestamp_s}
        self.kvstores[kv_id].update(said)
        operator = self._operator(sender)
        field = OPERATOR_WORDS.get(key.lower())
        if field is not None:
            operator[field] = _operator_value(field, value)
        elif _ADDRESS.match(key.lower()) and str(operator["role"]).lower().replace(" ", "_") == "reputation_oracle":
            self._joined(sender, key.lower(), value)

    def _joined(self, reputation: str, member: str, value: str) -> None:
        """A reputation oracle names the operators of its network."""
        network = self.networks.setdefault(reputation, {"id": reputation, "address": reputation, "operators": []})
        operator = self._operator(member)
        inside = network in operator["reputationNetworks"]
        if value == "ACTIVE" and not inside:
            operator["reputationNetworks"].append(network)
            network["operators"].append(operator)
        elif value == "INACTIVE" and inside:
            operator["reputationNetworks"] = [one for one in operator["reputationNetworks"] if one is not network]
            network["operators"] = [one for one in network["operators"] if one is not operator]

    def _operator(self, address: str) -> Row:
        found = self.operators.get(address)
        if found is None:
            fields = dict.fromkeys(OPERATOR_WORDS.values())
            found = self.operators[address] = {
                "id": address,
                "address": address,
                "amountJobsProcessed": 0,
                **fields,
                "reputationNetworks": [],
                "staker": self.stakers.get(address),
            }
        return found

    def _staker(self, address: str) -> Row:
        found = self.stakers.get(address)
        if found is None:
            amounts = ("stakedAmount", "lockedAmount", "withdrawnAmount", "slashedAmount", "lockedUntilTimestamp")
            found = {"id": address, "address": address, **dict.fromkeys(amounts, 0), "lastDepositTimestamp": 0}
            self.stakers[address] = found
            self._operator(address)["staker"] = found
        return found

    @staticmethod
    def _unstaked(staker: Row, tokens_minor: int, *, locked_minor: int) -> None:
        staker["stakedAmount"] -= tokens_minor
        staker["lockedAmount"] = min(staker["lockedAmount"] - locked_minor, staker["stakedAmount"])
        if staker["lockedAmount"] == 0:
            staker["lockedUntilTimestamp"] = 0

    def _rewarded(self, event: Event) -> None:
        escrow = self._escrow_of_case.get(str(event.args["caseId"]), "")
        reward_id = _event_id(event)
        self.rewards[reward_id] = {
            "id": reward_id,
            "escrowAddress": escrow,
            "staker": self.escrows[escrow]["launcher"] if escrow in self.escrows else "",
            "slasher": str(event.args["recipient"]),
            "amount": int(event.args["amount"]),
        }

    # --- counts and transactions ---

    def _day(self, event: Event) -> Row:
        day_s = event.block_timestamp_s // DAY_S * DAY_S
        return self.days.setdefault(str(day_s), {"id": str(day_s), "timestamp": day_s, **EMPTY_DAY})

    def _count(self, event: Event, what: str) -> None:
        day = self._day(event)
        self.statistics[f"{what[0].lower()}{what[1:]}EventCount"] += 1
        self.statistics["totalEventCount"] += 1
        day[f"daily{what}EventCount"] += 1
        day["dailyTotalEventCount"] += 1

    def _transaction(self, event: Event) -> None:
        """The first event of a transaction names it, the others are what it did inside."""
        method = METHODS.get(event.name)
        if method is None:
            return
        args, inside = event.args, event.contract_kind == "Escrow"
        parties: Row
        if event.name == "Transfer":
            parties = {"from": str(args["_from"]), "to": event.contract, "receiver": str(args["_to"])}
        else:
            parties = {"from": event.sender, "to": event.contract, "receiver": None}
        row: Row = {
            "id": _event_id(event),
            **parties,
            "value": int(args.get("amount", args.get("_value", args.get("tokens", 0)))),
            "method": method,
            "escrow": event.contract if inside else args.get("escrow", args.get("escrowAddress")),
            "token": self.escrows[event.contract]["token"] if inside else args.get("token"),
        }
        outer = self.transactions.get(event.tx_hash)
        if outer is None:
            outer = self.transactions[event.tx_hash] = {
                **row,
                "id": event.tx_hash,
                "txHash": event.tx_hash,
                "block": event.block_number,
                "timestamp": event.block_timestamp_s,
                "internalTransactions": [],
            }
        else:
            outer["internalTransactions"].append(row)
        if event.name == "BulkTransferV3":
            outer["internalTransactions"] += [
                {
                    "id": f"{row['id']}{place:02x}",
                    "from": event.contract,
                    "to": str(recipient),
                    "receiver": str(recipient),
                    "value": int(amount),
                    "method": "transfer",
                    "escrow": event.contract,
                    "token": row["token"],
                }
                for place, (recipient, amount) in enumerate(zip(args["recipients"], args["amounts"], strict=True))
            ]


def _event_id(event: Event) -> str:
    """Stays the same when the transaction is mined again."""
    return f"{event.tx_hash}{event.index_in_tx:08x}"


def _operator_value(field: str, value: str) -> Any:
    match field:
        case "fee":  # whole percent, as HUMAN's clients read it; the escrow itself counts basis points
            whole = value.split(".")[0]
            return int(whole) if whole.isdecimal() and len(whole) <= 3 else None
        case "jobTypes":
            return [kind.strip() for kind in value.split(",")] if value else None
        case "registrationNeeded":
            return value.lower() == "true"
        case _:
            return value or None
