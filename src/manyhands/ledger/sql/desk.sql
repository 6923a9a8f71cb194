-- What a role asks of the events that its operator's indexer saw. Orphaned events count for nothing.

-- name: sum_of_event
select coalesce(sum((args ->> %(field)s)::numeric), 0)::bigint from outbox.events
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
