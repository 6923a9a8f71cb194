-- How a reservation that no single batch earned is made up, as far as the keeper of a book knows: the chain tells its
-- amount and the hash of its reason only. Written with the message or the transaction that asks for it; never changed.
create table ledger.shares (
    job_id        text           not null,
    book          text           not null check (book <> ''),
    reason        text           not null check (reason ~ '^0x[0-9a-f]{64}$'),
    kind          text           not null check (kind in ('bonus', 'top_up', 'reserve')),
    worker        text           not null check (worker ~ '^0x[0-9a-f]{40}$'),
    amount_minor  numeric(78, 0) not null check (amount_minor > 0),
    primary key (job_id, book, reason, kind, worker)
);
