-- When an event's block was made, who signed its transaction, and a number that grows with every change: what the read
-- side for HUMAN's clients needs to tell of events and to notice new, moved and lost ones.

create sequence outbox.event_changes;

alter table outbox.events
    add column block_timestamp_s bigint not null default 0,
    add column sender            text   not null default '',
    add column changed_no        bigint not null default nextval('outbox.event_changes');

create index events_by_change on outbox.events (chain_id, changed_no);

-- Events of our own transactions, stored before this: the outbox knows both.
update outbox.events as event
set block_timestamp_s = coalesce(known.block_timestamp_s, 0), sender = known.sender
from outbox.transactions as known
where known.chain_id = event.chain_id and known.tx_hash = event.tx_hash;
