"""GraphQL over the entities, as HUMAN's subgraph answers it.

Rules kept here
- Grammar, execution and error shapes are graphql-core's; filters and orders are The Graph's (`name`, `name_gte`,
  `name_in`, `name_: {...}`, `and`, `or`; `orderBy`, `orderDirection`, `first`, `skip`).
- As loose as The Graph: a variable may be declared and not used, and of another scalar type than its place.
- Reading only, and bounded: tokens, fields and depth of a query, rows of an answer.

    answer(entities, '{ escrows(first: 2) { id status } }', {})    # {"data": {"escrows": [...]}}
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    SelectionSetNode,
    build_schema,
    execute,
    parse,
    specified_rules,
    validate,
)
from graphql.execution import ExecutionResult
from graphql.language import FragmentDefinitionNode, OperationDefinitionNode
from graphql.validation import NoUnusedVariablesRule, VariablesInAllowedPositionRule

from .entities import INDEXED, Entities, Row

TOKENS_MAX = 4_000
FIELDS_MAX = 1_000
DEPTH_MAX = 8
FIRST_DEFAULT, FIRST_MAX, SKIP_MAX = 100, 1_000, 5_000
"""The Graph's own bounds."""

SCHEMA = """
"A whole number of any size, told as text."
scalar BigInt
"Addresses and hashes, hexadecimal with 0x."
scalar Bytes
"An object of conditions: name, name_not, name_gt, name_gte, name_lt, name_lte, name_in, name_not_in, name_, and, or."
scalar Filter
"The name of a field to order by; of a nested one with two underscores."
scalar Name
scalar OrderDirection
scalar Staker_orderBy

type Escrow {
  id: Bytes!, address: Bytes!, token: Bytes!, factoryAddress: Bytes!, launcher: Bytes!, canceler: Bytes!
  jobRequesterId: String, count: BigInt!, balance: BigInt!, totalFundedAmount: BigInt!, amountPaid: BigInt!
  status: String!, manifest: String, manifestHash: String
  reputationOracle: Bytes, recordingOracle: Bytes, exchangeOracle: Bytes
  reputationOracleFee: BigInt, recordingOracleFee: BigInt, exchangeOracleFee: BigInt
  intermediateResultsUrl: String, intermediateResultsHash: String, finalResultsUrl: String, finalResultsHash: String
  createdAt: BigInt!, cancellationRequestedAt: BigInt
}
type EscrowStatusEvent {
  id: Bytes!, escrowAddress: Bytes!, launcher: Bytes, sender: Bytes!, status: String!
  block: BigInt!, timestamp: BigInt!, txHash: Bytes!
}
type CancellationRefundEvent {
  id: Bytes!, escrowAddress: Bytes!, receiver: Bytes!, amount: BigInt!
  block: BigInt!, timestamp: BigInt!, txHash: Bytes!
}
type Payout { id: Bytes!, escrowAddress: Bytes!, recipient: Bytes!, amount: BigInt!, createdAt: BigInt! }
type KVStore { id: Bytes!, address: Bytes!, key: String!, value: String!, block: BigInt!, timestamp: BigInt! }
type Staker {
  id: Bytes!, address: Bytes!, stakedAmount: BigInt!, lockedAmount: BigInt!, withdrawnAmount: BigInt!
  slashedAmount: BigInt!, lockedUntilTimestamp: BigInt!, lastDepositTimestamp: BigInt!
}
type Operator {
  id: Bytes!, address: Bytes!, amountJobsProcessed: BigInt!, role: String, fee: BigInt, publicKey: String
  webhookUrl: String, website: String, url: String, jobTypes: [String!], registrationNeeded: Boolean
  registrationInstructions: String, name: String, category: String
  reputationNetworks: [ReputationNetwork!], staker: Staker
}
type ReputationNetwork { id: Bytes!, address: Bytes!, operators(where: Filter): [Operator!]! }
type RewardAddedEvent { id: Bytes!, escrowAddress: Bytes!, staker: Bytes!, slasher: Bytes!, amount: BigInt! }
type Worker { id: Bytes!, address: Bytes!, payoutCount: BigInt! }
type Transaction {
  id: Bytes!, block: BigInt!, timestamp: BigInt!, txHash: Bytes!, from: Bytes!, to: Bytes!, receiver: Bytes
  escrow: Bytes, value: BigInt!, method: String!, token: Bytes, internalTransactions: [InternalTransaction!]!
}
type InternalTransaction {
  id: Bytes!, from: Bytes!, to: Bytes!, receiver: Bytes, escrow: Bytes, value: BigInt!, token: Bytes, method: String!
}
type EscrowStatistics {
  id: Bytes!, fundEventCount: BigInt!, storeResultsEventCount: BigInt!, bulkPayoutEventCount: BigInt!
  pendingStatusEventCount: BigInt!, cancelledStatusEventCount: BigInt!, partialStatusEventCount: BigInt!
  paidStatusEventCount: BigInt!, completedStatusEventCount: BigInt!, totalEventCount: BigInt!, totalEscrowCount: BigInt!
}
type EventDayData {
  id: Bytes!, timestamp: Int!, dailyFundEventCount: BigInt!, dailyStoreResultsEventCount: BigInt!
  dailyBulkPayoutEventCount: BigInt!, dailyPendingStatusEventCount: BigInt!, dailyCancelledStatusEventCount: BigInt!
  dailyPartialStatusEventCount: BigInt!, dailyPaidStatusEventCount: BigInt!, dailyCompletedStatusEventCount: BigInt!
  dailyTotalEventCount: BigInt!, dailyEscrowCount: BigInt!, dailyWorkerCount: BigInt!, dailyPayoutCount: BigInt!
}
type Block { number: Int!, timestamp: Int! }
type Meta { block: Block!, hasIndexingErrors: Boolean! }

type Query {
  _meta: Meta!
%(roots)s
}
"""

COLLECTIONS: Mapping[str, tuple[str, str, Callable[[Entities], Mapping[str, Row]]]] = {
    "escrow": ("escrows", "Escrow", lambda known: known.escrows),
    "escrowStatusEvent": ("escrowStatusEvents", "EscrowStatusEvent", lambda known: known.status_events),
    "cancellationRefundEvent": ("cancellationRefundEvents", "CancellationRefundEvent", lambda known: known.refunds),
    "payout": ("payouts", "Payout", lambda known: known.payouts),
    "kvstore": ("kvstores", "KVStore", lambda known: known.kvstores),
    "operator": ("operators", "Operator", lambda known: known.operators),
    "staker": ("stakers", "Staker", lambda known: known.stakers),
    "reputationNetwork": ("reputationNetworks", "ReputationNetwork", lambda known: known.networks),
    "rewardAddedEvent": ("rewardAddedEvents", "RewardAddedEvent", lambda known: known.rewards),
    "worker": ("workers", "Worker", lambda known: known.workers),
    "transaction": ("transactions", "Transaction", lambda known: known.transactions),
    "eventDayData": ("eventDayDatas", "EventDayData", lambda known: known.days),
    "escrowStatistics": ("escrowStatisticsAll", "EscrowStatistics", lambda known: {"": known.statistics}),
}
"""Root of one -> root of many, its type, where its rows are."""

_RULES = [rule for rule in specified_rules if rule not in (NoUnusedVariablesRule, VariablesInAllowedPositionRule)]
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "": lambda has, wanted: bool(has == wanted),
    "not": lambda has, wanted: bool(has != wanted),
    "gt": lambda has, wanted: has is not None and bool(has > wanted),
    "gte": lambda has, wanted: has is not None and bool(has >= wanted),
    "lt": lambda has, wanted: has is not None and bool(has < wanted),
    "lte": lambda has, wanted: has is not None and bool(has <= wanted),
    "in": lambda has, wanted: has in wanted,
    "not_in": lambda has, wanted: has not in wanted,
}


def answer(known: Entities, query: str, variables: Mapping[str, Any] | None) -> dict[str, Any]:
    """The body of the response to one query: `data`, or `errors` with messages. Never raises for what a client sent."""
    try:
        document = parse(query, max_tokens=TOKENS_MAX)
        _check_bounds(document)
        if problems := validate(schema(), document, _RULES, max_errors=5):
            return {"errors": [problem.formatted for problem in problems]}
        result = execute(schema(), document, context_value=known, variable_values=dict(variables or {}))
    except GraphQLError as problem:
        return {"errors": [problem.formatted]}
    assert isinstance(result, ExecutionResult)
    return dict(result.formatted)


@functools.cache
def schema() -> GraphQLSchema:
    """The schema with its resolvers, built once."""
    roots = []
    many_args = "where: Filter, orderBy: Name, orderDirection: Name, first: Int, skip: Int"
    for one, (many, kind, _) in COLLECTIONS.items():
        roots.append(f"  {one}(id: String!): {kind}")
        roots.append(f"  {many}({many_args}): [{kind}!]!")
    built = build_schema(SCHEMA % {"roots": "\n".join(roots)})
    for name in ("BigInt", "Bytes"):
        scalar = built.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)
        scalar.coerce_output_value = str
    query = built.query_type
    assert query is not None
    for one, (many, _, rows_of) in COLLECTIONS.items():
        query.fields[one].resolve = functools.partial(_one, rows_of)
        query.fields[many].resolve = functools.partial(_many, many, rows_of)
    query.fields["_meta"].resolve = _meta
    network = built.type_map["ReputationNetwork"]
    assert isinstance(network, GraphQLObjectType)
    network.fields["operators"].resolve = _operators_of_network
    return built


def matches(row: Mapping[str, Any], where: Any) -> bool:
    """Whether a row meets all conditions. raises GraphQLError for a condition about no field

    >>> matches({"amount": 5, "staker": {"stakedAmount": 9}}, {"amount_gte": "5", "staker_": {"stakedAmount_lt": 10}})
    True
    """
    if where is None:
        return True
    if not isinstance(where, Mapping):
        raise GraphQLError("`where` must be an object of conditions")
    return all(_holds(row, str(name), wanted) for name, wanted in where.items())


def _holds(row: Mapping[str, Any], name: str, wanted: Any) -> bool:
    if name in ("and", "or"):
        found = (matches(row, condition) for condition in _list(wanted))
        return all(found) if name == "and" else any(found)
    if name.endswith("_") and name[:-1] in row:
        nested = row[name[:-1]]
        return any(matches(one, wanted) for one in (_list(nested) if nested is not None else []))
    field, _, comparison = (name, "", "") if name in row else name.partition("_")
    if field not in row or comparison not in _COMPARISONS:
        raise GraphQLError(f"there is no condition {name!r} here")
    if wanted is None and comparison not in ("", "not"):
        return True  # an SDK's bound that was left open; only "is it empty" can be asked of nothing
    has = row[field]
    if isinstance(has, Mapping):
        has = has["id"]
    like = [_like(has, one) for one in _list(wanted)] if comparison in ("in", "not_in") else _like(has, wanted)
    return _COMPARISONS[comparison](has, like)


def _like(has: Any, wanted: Any) -> Any:
    """What a client sent, as a row holds it: numbers from text, addresses in lower case."""
    if isinstance(has, bool) or wanted is None or isinstance(wanted, bool):
        return wanted
    if isinstance(has, int):
        try:
            return int(wanted)
        except (TypeError, ValueError):
            raise GraphQLError(f"{wanted!r} is no whole number") from None
    if isinstance(wanted, str) and wanted[:2].lower() == "0x":
        return wanted.lower()
    return wanted


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _one(rows_of: Callable[[Entities], Mapping[str, Row]], _: Any, info: Any, id: str) -> Row | None:
    rows = rows_of(info.context)
    return rows.get(id.lower()) or rows.get("")


def _many(
    collection: str,
    rows_of: Callable[[Entities], Mapping[str, Row]],
    _: Any,
    info: Any,
    where: Any = None,
    orderBy: str | None = None,
    orderDirection: str | None = None,
    first: int | None = None,
    skip: int | None = None,
) -> list[Row]:
    first = FIRST_DEFAULT if first is None else first
    skip = skip or 0
    if not 0 <= first <= FIRST_MAX or not 0 <= skip <= SKIP_MAX:
        raise GraphQLError(f"`first` must be 0 to {FIRST_MAX} and `skip` 0 to {SKIP_MAX}")
    rows = _candidates(info.context, collection, where)
    found = [row for row in (rows_of(info.context).values() if rows is None else rows) if matches(row, where)]
    by = orderBy or "id"
    found.sort(key=lambda row: _order(row, by), reverse=str(orderDirection or "asc").lower() == "desc")
    return found[skip : skip + first]


def _candidates(known: Entities, collection: str, where: Any) -> list[Row] | None:
    """The rows that an index finds for one of the conditions, None when all must be looked at."""
    for field in INDEXED.get(collection, ()):
        wanted = where.get(field) if isinstance(where, Mapping) else None
        if isinstance(wanted, str):
            return known.rows_by(collection, field, wanted.lower())
    return None


def _order(row: Mapping[str, Any], by: str) -> tuple[bool, Any, str]:
    value: Any = row
    for name in by.split("__"):
        if value is not None and name not in value:
            raise GraphQLError(f"there is no field {by!r} to order by")
        value = None if value is None else value[name]
    if isinstance(value, Mapping | list):
        raise GraphQLError(f"{by!r} is nothing to order by")
    return (value is not None, value if value is not None else 0, str(row["id"]))


def _operators_of_network(network: Row, _: Any, where: Any = None) -> list[Row]:
    return [operator for operator in network["operators"] if matches(operator, where)]


def _meta(_: Any, info: Any) -> Row:
    known: Entities = info.context
    return {"block": {"number": known.block_number, "timestamp": known.block_timestamp_s}, "hasIndexingErrors": False}


def _check_bounds(document: DocumentNode) -> None:
    """raises GraphQLError for a query that asks for too many fields or too deep, its fragments unfolded"""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    left = FIELDS_MAX

    def count(selected: SelectionSetNode | None, depth: int, inside: tuple[str, ...]) -> None:
        nonlocal left
        if selected is None:
            return
        if depth > DEPTH_MAX:
            raise GraphQLError(f"a query may be {DEPTH_MAX} fields deep")
        for one in selected.selections:
            left -= 1
            if left < 0:
                raise GraphQLError(f"a query may ask for {FIELDS_MAX} fields")
            if isinstance(one, FragmentSpreadNode):
                name = one.name.value
                if name in fragments and name not in inside:
                    count(fragments[name].selection_set, depth, (*inside, name))
            else:
                its = getattr(one, "selection_set", None)
                count(its, depth + isinstance(one, FieldNode), inside)

    for operation in _operations(document):
        count(operation.selection_set, 1, ())


def _operations(document: DocumentNode) -> Iterable[OperationDefinitionNode]:
    return (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
