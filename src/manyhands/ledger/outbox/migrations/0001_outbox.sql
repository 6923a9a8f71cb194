-- Signed transactions, their way onto a chain, and the events that come back.
--
-- Everything here is kept per chain; job_id is a label for people and reports, since one sender's nonces run across jobs.
-- Times are milliseconds since 1970, addresses and hashes lower-case hexadecimal with 0x, fees wei per gas.

-- The next unused nonce of every account that signs here. The row is locked while a transaction allocates from it, so
-- that a rollback gives the nonce back and no gap can stop the ones behind it.
create table outbox.nonces (
    chain_id    bigint not null check (chain_id > 0),
    sender      text   not null check (sender ~ '^0x[0-9a-f]{40}$'),
    next_nonce  bigint not null check (next_nonce >= 0),
    primary key (chain_id, sender)
);

create table outbox.transactions (
    chain_id          bigint  not null check (chain_id > 0),
    purpose           text    not null check (purpose <> ''),   -- id made from meaning: the same purpose twice is one row
    transaction_id    bigint  generated always as identity unique, -- order of submission across all senders
    job_id            text    not null default '',
    sender            text    not null check (sender ~ '^0x[0-9a-f]{40}$'),
    nonce             bigint  not null check (nonce >= 0),
    recipient         text    check (recipient ~ '^0x[0-9a-f]{40}$'),      -- null: deploys a contract
    contract_address  text    check (contract_address ~ '^0x[0-9a-f]{40}$'),
    data              bytea   not null,
    value_wei         numeric(78, 0) not null check (value_wei >= 0),
    gas_limit         bigint  not null check (gas_limit > 0),
    after_purposes    text[]  not null default '{}',             -- sent only once these are mined
    state             text    not null default 'waiting'
                      check (state in ('waiting', 'sent', 'mined', 'final', 'reverted', 'displaced')),
    tx_hash           text    not null check (tx_hash ~ '^0x[0-9a-f]{64}$'), -- of the newest attempt; once mined, of the one that was
    submitted_at_ms   bigint  not null,
    sent_at_ms        bigint,
    settled_at_ms     bigint,
    block_number      bigint,
    block_hash        text,
    block_timestamp_s bigint,
    index_in_block    integer,
    succeeded         boolean,
    gas_used          bigint,
    gas_price_wei     numeric(78, 0),
    reason            text    not null default '',               -- why the contract refused
    primary key (chain_id, purpose),
    unique (chain_id, sender, nonce),
    check ((recipient is null) = (contract_address is not null)),
    check ((state in ('mined', 'final', 'reverted')) = (block_number is not null)),
    check (block_number is null or (block_hash is not null and block_timestamp_s is not null
                                    and index_in_block is not null and succeeded is not null)),
    check (state <> 'final' or succeeded),
    check (state <> 'reverted' or not succeeded),
    check ((state in ('final', 'reverted', 'displaced')) = (settled_at_ms is not null)),
    check (state = 'waiting' or sent_at_ms is not null)
);

create index transactions_under_way on outbox.transactions (chain_id, sender, nonce)
    where state in ('waiting', 'sent', 'mined');
create index transactions_by_block on outbox.transactions (chain_id, block_number, index_in_block)
    where block_number is not null;
create index transactions_of_job on outbox.transactions (job_id, transaction_id) where job_id <> '';

-- Every signed form of a transaction: the first, and replacements with the same nonce and a higher fee.
create table outbox.attempts (
    chain_id          bigint not null,
    tx_hash           text   not null,
    purpose           text   not null,
    raw               bytea  not null,
    max_fee_wei       numeric(78, 0) not null,
    priority_fee_wei  numeric(78, 0) not null,
    signed_at_ms      bigint not null,
    primary key (chain_id, tx_hash),
    foreign key (chain_id, purpose) references outbox.transactions (chain_id, purpose)
);
create index attempts_of_transaction on outbox.attempts (chain_id, purpose, max_fee_wei);

-- What a person should look at. The same alarm about the same subject is one row until it is cleared.
create table outbox.alarms (
    alarm_id       bigint generated always as identity primary key,
    chain_id       bigint not null,
    kind           text   not null,
    subject        text   not null,      -- a purpose, or '' for the whole chain
    told           text   not null,
    raised_at_ms   bigint not null,
    cleared_at_ms  bigint
);
create unique index alarms_open on outbox.alarms (chain_id, kind, subject) where cleared_at_ms is null;

-- Events of our contracts, each once. Identity is the transaction and the place in it, which stay the same when a
-- reorganised or rebuilt chain mines the transaction again.
create table outbox.events (
    chain_id      bigint  not null,
    tx_hash       text    not null,
    index_in_tx   integer not null check (index_in_tx >= 0),
    event_id      bigint  generated always as identity unique,
    block_number  bigint  not null,
    block_hash    text    not null,
    index_in_block integer not null,
    contract      text    not null,
    contract_kind text    not null,
    name          text    not null,
    args          jsonb   not null,
    seen_at_ms    bigint  not null,
    orphaned      boolean not null default false,  -- its block left the chain after it was dispatched, and it was not seen again yet
    primary key (chain_id, tx_hash, index_in_tx)
);
create index events_by_contract on outbox.events (contract, name, event_id);
create index events_by_block on outbox.events (chain_id, block_number);

-- How far each chain was read, and the hashes by which a rewritten past is noticed.
create table outbox.checkpoints (
    chain_id      bigint not null,
    block_number  bigint not null,
    block_hash    text   not null,
    primary key (chain_id, block_number)
);
