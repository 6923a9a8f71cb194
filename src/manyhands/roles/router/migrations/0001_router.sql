-- What the router keeps: each question with its answer, and how the chains looked last.
create schema if not exists router;

create table router.requests (
    job_id         text    not null,
    launcher       text    not null,
    attempt        integer not null check (attempt > 0),
    request        bytea   not null,
    asked_at_ms    bigint  not null,
    decision       bytea,
    decided_at_ms  bigint,
    primary key (job_id, launcher, attempt),
    check ((decision is null) = (decided_at_ms is null))
);

create table router.health (
    chain_id       bigint  primary key,
    ok             boolean not null,
    latency_ms     bigint  not null,
    gas_price_wei  numeric(78, 0) not null,
    because        text    not null,
    at_ms          bigint  not null
);
