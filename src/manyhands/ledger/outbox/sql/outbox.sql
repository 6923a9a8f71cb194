-- name: make_nonce_row
-- The row to lock exists from here on; first_nonce counts only for an account seen for the first time.
insert into outbox.nonces (chain_id, sender, next_nonce) values (%(chain_id)s, %(sender)s, %(first_nonce)s)
on conflict do nothing;

-- name: lock_nonce
-- Whoever submits for this account waits here until the one before has committed or rolled back.
select next_nonce from outbox.nonces where chain_id = %(chain_id)s and sender = %(sender)s for update;

-- name: take_nonce
update outbox.nonces set next_nonce = next_nonce + 1 where chain_id = %(chain_id)s and sender = %(sender)s;

-- name: find_purpose
select sender, recipient, data, value_wei, tx_hash from outbox.transactions
where chain_id = %(chain_id)s and purpose = %(purpose)s;

-- name: known_purposes
select purpose from outbox.transactions where chain_id = %(chain_id)s and purpose = any(%(purposes)s);

-- name: insert_transaction
insert into outbox.transactions (chain_id, purpose, job_id, sender, nonce, recipient, contract_address, data, value_wei,
                                 gas_limit, after_purposes, tx_hash, submitted_at_ms)
values (%(chain_id)s, %(purpose)s, %(job_id)s, %(sender)s, %(nonce)s, %(recipient)s, %(contract_address)s, %(data)s,
        %(value_wei)s, %(gas_limit)s, %(after_purposes)s, %(tx_hash)s, %(now_ms)s)
on conflict (chain_id, purpose) do nothing
returning transaction_id;

-- name: insert_attempt
insert into outbox.attempts (chain_id, tx_hash, purpose, raw, max_fee_wei, priority_fee_wei, signed_at_ms)
values (%(chain_id)s, %(tx_hash)s, %(purpose)s, %(raw)s, %(max_fee_wei)s, %(priority_fee_wei)s, %(now_ms)s)
on conflict do nothing;

-- name: name_attempt
-- The newest attempt gives the row its hash as long as none is mined.
update outbox.transactions set tx_hash = %(tx_hash)s
where chain_id = %(chain_id)s and purpose = %(purpose)s and state in ('waiting', 'sent');

-- name: entry_by_purpose
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from outbox.transactions where chain_id = %(chain_id)s and purpose = %(purpose)s;

-- name: entries_by_purpose
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from outbox.transactions where chain_id = %(chain_id)s and purpose = any(%(purposes)s) order by transaction_id;

-- name: entries_of_job
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from outbox.transactions where job_id = %(job_id)s order by transaction_id;

-- name: under_way
-- Everything that may be at the node or in one of its unconfirmed blocks.
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from outbox.transactions where chain_id = %(chain_id)s and state in ('sent', 'mined')
order by sender, nonce;

-- name: waiting
-- The front of every account's queue: as many as could be sent now.
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from (
    select *, row_number() over (partition by sender order by nonce) as place
    from outbox.transactions where chain_id = %(chain_id)s and state = 'waiting'
) queue
where place <= %(window)s
order by sender, nonce;

-- name: attempts_of
select purpose, tx_hash, raw, max_fee_wei, priority_fee_wei, signed_at_ms from outbox.attempts
where chain_id = %(chain_id)s and purpose = any(%(purposes)s) order by max_fee_wei;

-- name: purposes_still_open
-- Of the given purposes, those whose transactions are not in a block yet.
select purpose from outbox.transactions
where chain_id = %(chain_id)s and purpose = any(%(purposes)s) and state in ('waiting', 'sent');

-- name: mark_sent
-- Marked before the bytes leave, so that what may be at the node is always known to be there perhaps.
update outbox.transactions set state = 'sent', sent_at_ms = coalesce(sent_at_ms, %(now_ms)s)
where chain_id = %(chain_id)s and purpose = any(%(purposes)s) and state = 'waiting';

-- name: mark_mined
update outbox.transactions
set state = 'mined', tx_hash = %(tx_hash)s, block_number = %(block_number)s, block_hash = %(block_hash)s,
    block_timestamp_s = %(block_timestamp_s)s, index_in_block = %(index_in_block)s, succeeded = %(succeeded)s,
    gas_used = %(gas_used)s, gas_price_wei = %(gas_price_wei)s
where chain_id = %(chain_id)s and purpose = %(purpose)s and state in ('waiting', 'sent', 'mined');

-- name: mark_vanished
-- Its block left the chain before it had its confirmations.
update outbox.transactions
set state = 'sent', block_number = null, block_hash = null, block_timestamp_s = null, index_in_block = null,
    succeeded = null, gas_used = null, gas_price_wei = null
where chain_id = %(chain_id)s and purpose = %(purpose)s and state = 'mined';

-- name: mark_settled
-- Once only: the caller acts on those that come back.
update outbox.transactions t set state = told.state, reason = told.reason, settled_at_ms = %(now_ms)s
from unnest(%(purposes)s::text[], %(states)s::text[], %(reasons)s::text[]) as told (purpose, state, reason)
where t.chain_id = %(chain_id)s and t.purpose = told.purpose and t.state = 'mined'
returning t.purpose;

-- name: mark_displaced
update outbox.transactions set state = 'displaced', reason = %(reason)s, settled_at_ms = %(now_ms)s
where chain_id = %(chain_id)s and purpose = %(purpose)s and state = 'sent'
returning purpose;

-- name: remember_place
-- A settled transaction stands in another block after the chain was rebuilt or reorganised.
update outbox.transactions
set block_number = %(block_number)s, block_hash = %(block_hash)s, index_in_block = %(index_in_block)s
where chain_id = %(chain_id)s and purpose = %(purpose)s and block_number is not null;

-- name: mined_per_sender
-- What the chain owes every account by our journal: one more than the highest nonce that was in a block.
select sender, max(nonce) + 1 from outbox.transactions
where chain_id = %(chain_id)s and block_number is not null group by sender order by sender;

-- name: mined_from
-- What a chain that forgot has to be told again, in the order in which it happened.
select chain_id, purpose, transaction_id, job_id, sender, nonce, recipient, contract_address, data, value_wei, gas_limit,
       after_purposes, state, tx_hash, submitted_at_ms, sent_at_ms, block_number, block_hash, block_timestamp_s,
       index_in_block, succeeded, gas_used, gas_price_wei, reason
from outbox.transactions t
join unnest(%(senders)s::text[], %(counts)s::bigint[]) as chain_has (account, transaction_count)
  on t.sender = chain_has.account and t.nonce >= chain_has.transaction_count
where t.chain_id = %(chain_id)s and t.block_number is not null
order by t.block_number, t.index_in_block;

-- name: deepest_settled
-- The newest settled transaction: where a reorganisation beyond the confirmations would show.
select block_number, block_hash from outbox.transactions
where chain_id = %(chain_id)s and state in ('final', 'reverted') order by block_number desc, index_in_block desc limit 1;

-- name: raise_alarm
insert into outbox.alarms (chain_id, kind, subject, told, raised_at_ms)
values (%(chain_id)s, %(kind)s, %(subject)s, %(told)s, %(now_ms)s)
on conflict (chain_id, kind, subject) where cleared_at_ms is null do nothing
returning alarm_id;

-- name: clear_alarm
update outbox.alarms set cleared_at_ms = %(now_ms)s
where chain_id = %(chain_id)s and kind = %(kind)s and subject = %(subject)s and cleared_at_ms is null;

-- name: clear_alarms
update outbox.alarms set cleared_at_ms = %(now_ms)s
where chain_id = %(chain_id)s and kind = any(%(kinds)s) and subject = any(%(subjects)s) and cleared_at_ms is null;

-- name: open_alarms
select alarm_id, chain_id, kind, subject, told, raised_at_ms from outbox.alarms where cleared_at_ms is null order by alarm_id;

-- name: counts_by_state
select chain_id, state, count(*) from outbox.transactions group by chain_id, state order by chain_id, state;

-- name: open_purposes
select purpose from outbox.transactions where state in ('waiting', 'sent', 'mined') order by transaction_id;

-- name: lock_chain
select sender from outbox.nonces where chain_id = %(chain_id)s order by sender for update;
