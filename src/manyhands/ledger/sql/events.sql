-- name: escrows_known
select distinct args ->> 'escrow' from outbox.events where chain_id = %(chain_id)s and name = 'LaunchedV2';

-- name: last_checkpoints
select block_number, block_hash from outbox.checkpoints where chain_id = %(chain_id)s
order by block_number desc limit 64;

-- name: put_checkpoint
insert into outbox.checkpoints (chain_id, block_number, block_hash)
values (%(chain_id)s, %(block_number)s, %(block_hash)s)
on conflict (chain_id, block_number) do update set block_hash = excluded.block_hash;

-- name: prune_checkpoints
delete from outbox.checkpoints where chain_id = %(chain_id)s and block_number < (
    select min(block_number) from (
        select block_number from outbox.checkpoints where chain_id = %(chain_id)s order by block_number desc limit 64
    ) as newest
);

-- name: rewind
delete from outbox.checkpoints where chain_id = %(chain_id)s and block_number > %(block_number)s;

-- name: orphan_events
-- Their block left the chain. They were dispatched and stay so; they count again when they are seen again.
update outbox.events set orphaned = true, changed_no = nextval('outbox.event_changes')
where chain_id = %(chain_id)s and block_number > %(block_number)s;

-- name: add_event
-- An event seen before, in another block, keeps its identity: it is put right and not told again.
insert into outbox.events (chain_id, tx_hash, index_in_tx, block_number, block_hash, index_in_block, contract,
                           contract_kind, name, args, block_timestamp_s, sender, seen_at_ms)
values (%(chain_id)s, %(tx_hash)s, %(index_in_tx)s, %(block_number)s, %(block_hash)s, %(index_in_block)s, %(contract)s,
        %(contract_kind)s, %(name)s, %(args)s, %(block_timestamp_s)s, %(sender)s, %(seen_at_ms)s)
on conflict (chain_id, tx_hash, index_in_tx) do update
set block_number = excluded.block_number, block_hash = excluded.block_hash,
    block_timestamp_s = excluded.block_timestamp_s, index_in_block = excluded.index_in_block, orphaned = false,
    changed_no = nextval('outbox.event_changes')
returning xmax = 0;

-- name: events_changed
-- What was stored, put right or lost since a reader looked last, in the order of the chain.
select chain_id, tx_hash, index_in_tx, block_number, block_hash, index_in_block, contract, contract_kind, name, args,
       block_timestamp_s, sender, orphaned, changed_no
from outbox.events
where chain_id = %(chain_id)s and changed_no > %(changed_no)s
order by block_number, index_in_block;

-- name: lock_events
-- Events of a chain are stored by one follower at a time, so that a reader who goes by changed_no misses none.
select pg_advisory_xact_lock(hashtext('outbox.events'), (%(chain_id)s %% 2147483647)::integer);
