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
update outbox.events set orphaned = true where chain_id = %(chain_id)s and block_number > %(block_number)s;

-- name: add_event
-- An event seen before, in another block, keeps its identity: it is put right and not told again.
insert into outbox.events (chain_id, tx_hash, index_in_tx, block_number, block_hash, index_in_block, contract,
                           contract_kind, name, args, seen_at_ms)
values (%(chain_id)s, %(tx_hash)s, %(index_in_tx)s, %(block_number)s, %(block_hash)s, %(index_in_block)s, %(contract)s,
        %(contract_kind)s, %(name)s, %(args)s, %(seen_at_ms)s)
on conflict (chain_id, tx_hash, index_in_tx) do update
set block_number = excluded.block_number, block_hash = excluded.block_hash,
    index_in_block = excluded.index_in_block, orphaned = false
returning xmax = 0;
