-- What a role asks of the events that its operator's indexer saw. Orphaned events count for nothing.

-- name: sum_of_event
select coalesce(sum((args ->> %(field)s)::numeric), 0) from outbox.events
where chain_id = %(chain_id)s and contract = %(contract)s and name = %(name)s and not orphaned;

-- name: count_of_event
select count(*) from outbox.events
where chain_id = %(chain_id)s and contract = %(contract)s and name = any(%(names)s) and not orphaned;

-- name: events_of_contract
select name, args, tx_hash, block_number from outbox.events
where chain_id = %(chain_id)s and contract = %(contract)s and not orphaned
order by block_number, index_in_block, event_id;

-- name: state_of_purpose
select state from outbox.transactions where chain_id = %(chain_id)s and purpose = %(purpose)s;

-- name: transactions_of_job
-- What was done for one escrow, in the order of the chain.
select distinct tx_hash, min(block_number) as block_number from outbox.events
where chain_id = %(chain_id)s and contract = %(contract)s and not orphaned
group by tx_hash order by block_number;

-- name: events_of_transaction
select name, args from outbox.events
where chain_id = %(chain_id)s and contract = %(contract)s and tx_hash = %(tx_hash)s and not orphaned
order by index_in_tx;

-- name: money_of_escrow
-- What moved an escrow's money, the token's transfers to it included, in the order of the chain.
select contract, contract_kind, name, args, tx_hash, block_number, index_in_tx from outbox.events
where chain_id = %(chain_id)s and not orphaned and name = any(%(names)s)
  and (contract = %(escrow)s or (name = 'Transfer' and args ->> '_to' = %(escrow)s))
order by block_number, index_in_block;

-- name: funded_before
-- Whether an escrow was set up before this event. Events are stored in the order of the chain, so the answer stays.
select exists (
    select from outbox.events as fund
    join outbox.events as event using (chain_id)
    where chain_id = %(chain_id)s and fund.contract = %(escrow)s and fund.name = 'Fund' and not fund.orphaned
      and event.tx_hash = %(tx_hash)s and event.index_in_tx = %(index_in_tx)s
      and (fund.block_number, fund.index_in_block) < (event.block_number, event.index_in_block)
);

-- name: top_ups_of_chain
-- Transfers to escrows that were set up before.
select came.contract, came.contract_kind, came.name, came.args, came.tx_hash, came.block_number, came.index_in_tx
from outbox.events as came
where came.chain_id = %(chain_id)s and came.name = 'Transfer' and not came.orphaned and exists (
    select from outbox.events as fund
    where fund.chain_id = came.chain_id and fund.contract = came.args ->> '_to' and fund.name = 'Fund'
      and not fund.orphaned
      and (fund.block_number, fund.index_in_block) < (came.block_number, came.index_in_block)
)
order by came.block_number, came.index_in_block;

-- name: stake_events_of
-- What moved an operator's stake, and shares of slashes fetched from the jury, in the order of the chain.
select contract, contract_kind, name, args, tx_hash, block_number, index_in_tx from outbox.events
where chain_id = %(chain_id)s and not orphaned and (
    (contract = %(staking)s and name = any(%(names)s) and args ->> 'staker' = %(operator)s)
    or (contract = %(jury)s and name = 'Claimed')
)
order by block_number, index_in_block;

-- name: events_after
-- What followed in the same transaction.
select contract, name, args from outbox.events
where chain_id = %(chain_id)s and tx_hash = %(tx_hash)s and index_in_tx > %(index_in_tx)s and not orphaned
order by index_in_tx;

-- name: add_share
insert into ledger.shares (job_id, book, reason, kind, worker, amount_minor)
values (%(job_id)s, %(book)s, %(reason)s, %(kind)s, %(worker)s, %(amount_minor)s)
on conflict (job_id, book, reason, kind, worker) do nothing;

-- name: shares_of
select kind, worker, amount_minor from ledger.shares
where job_id = %(job_id)s and book = %(book)s and reason = %(reason)s
order by kind, worker;

-- name: hold_book
select pg_advisory_xact_lock(hashtext('ledger.book'), hashtext(%(book)s || ':' || %(escrow)s));

-- name: keys_of_escrow
-- Who set an escrow up, and the keys that its setup named; no row for an escrow that was not seen.
select sender, args from outbox.events
where chain_id = %(chain_id)s and contract = %(escrow)s and name = 'PendingV3' and not orphaned
limit 1;

-- name: beginning_of_escrow
-- What the chain said when an escrow was launched and set up, and whether its end has begun. Of the factory's launches
-- only this one's.
select name, args, sender, block_timestamp_s from outbox.events
where chain_id = %(chain_id)s and not orphaned and (
    (contract = %(escrow)s
     and name in ('PendingV3', 'FeesFixed', 'DailyCapSet', 'CancellationRequested', 'Upheld', 'Completed', 'Cancelled'))
    or (contract = %(factory)s and name = 'LaunchedV2' and args ->> 'escrow' = %(escrow)s)
)
order by block_number, index_in_block;

-- name: token_of_escrow
-- The token that an escrow was launched with; none for an escrow whose launch was not seen.
select lower(args ->> 'token') from outbox.events
where chain_id = %(chain_id)s and contract = %(factory)s and name = 'LaunchedV2' and args ->> 'escrow' = %(escrow)s
  and not orphaned
limit 1;

-- name: time_of_chain
-- Seconds of the newest block in which one of our contracts spoke: the chain's clock is this late at least.
select coalesce(max(block_timestamp_s), 0) from outbox.events
where chain_id = %(chain_id)s and block_number = (
    select max(block_number) from outbox.events where chain_id = %(chain_id)s
);

-- name: launches_not_mined
select data, recipient from outbox.transactions
where chain_id = %(chain_id)s and sender = %(sender)s and state in ('waiting', 'sent')
  and (purpose like 'launch:%%' or purpose like 'fund:%%');

-- name: own_acts
-- What a key did to an escrow and nobody knows the day of, and what it did on the chain's present day.
select data, tx_hash from outbox.transactions
where job_id = %(job_id)s and chain_id = %(chain_id)s and sender = %(sender)s and recipient = %(escrow)s
  and (state in ('waiting', 'sent', 'mined') or (state = 'final' and block_timestamp_s >= %(day_s)s));

-- name: events_of_day
select name, args, tx_hash from outbox.events
where chain_id = %(chain_id)s and contract = %(escrow)s and name = any(%(names)s) and not orphaned
  and block_timestamp_s >= %(day_s)s;

-- name: last_freeze
-- Until when the last freeze stands that no ruling has ended.
select frozen.args ->> 'until' from outbox.events as frozen
where frozen.chain_id = %(chain_id)s and frozen.contract = %(escrow)s and frozen.name = 'Frozen' and not frozen.orphaned
  and not exists (
      select from outbox.events as ruled
      where ruled.chain_id = frozen.chain_id and ruled.contract = frozen.contract and not ruled.orphaned
        and ruled.name in ('Cleared', 'Upheld', 'Released')
        and ruled.args ->> 'reportHash' = frozen.args ->> 'reportHash'
        and (ruled.block_number, ruled.index_in_block) > (frozen.block_number, frozen.index_in_block)
  )
order by frozen.block_number desc, frozen.index_in_block desc limit 1;

-- name: ends_of_escrow
-- When its end was asked for, 0 = not; when it was set up; how often it was frozen.
select coalesce(min(block_timestamp_s) filter (where name in ('CancellationRequested', 'Upheld')), 0),
       coalesce(min(block_timestamp_s) filter (where name = 'PendingV3'), 0),
       count(*) filter (where name = 'Frozen')
from outbox.events
where chain_id = %(chain_id)s and contract = %(escrow)s and not orphaned
  and name in ('CancellationRequested', 'Upheld', 'PendingV3', 'Frozen');

-- name: payouts_shown
select args from outbox.events
where chain_id = %(chain_id)s and contract = %(escrow)s and name = 'BulkTransferV3' and not orphaned
order by block_number, index_in_block;

-- name: payouts_signed
select purpose, data, state, reason, settled_at_ms from outbox.transactions
where job_id = %(job_id)s and chain_id = %(chain_id)s and sender = %(sender)s and recipient = %(escrow)s
  and purpose like 'payout:%%'
order by transaction_id;

-- name: endings_signed
select state, settled_at_ms from outbox.transactions
where job_id = %(job_id)s and chain_id = %(chain_id)s and sender = %(sender)s and recipient = %(escrow)s
  and (purpose like 'complete:%%' or purpose like 'cancel:%%')
order by transaction_id;

-- name: no_alarm_but
-- A subject has one alarm of a kind at a time.
update outbox.alarms set cleared_at_ms = %(now_ms)s
where chain_id = %(chain_id)s and kind = %(kind)s and subject = %(subject)s and told <> %(told)s and cleared_at_ms is null;

-- name: raise_alarm
insert into outbox.alarms (chain_id, kind, subject, told, raised_at_ms)
values (%(chain_id)s, %(kind)s, %(subject)s, %(told)s, %(now_ms)s)
on conflict (chain_id, kind, subject) where cleared_at_ms is null do nothing;
