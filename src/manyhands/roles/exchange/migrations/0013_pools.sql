-- Work pools: somebody's own workforce. A pool is an account with the role `workpool`; its address names it.

-- What a pool says of itself. listed: requesters may find it; else they must have been told its address.
create table exchange.pools (
    pool           text    primary key references exchange.accounts,
    about          text    not null default '',
    listed         boolean not null default false,
    changed_at_ms  bigint  not null
);

-- Links by which people are invited. The link's secret is kept as a hash only; invite_id names it and opens nothing.
create table exchange.pool_invites (
    invite_hash    text    primary key,
    invite_id      text    not null unique,
    pool           text    not null references exchange.accounts,
    note           text    not null,
    places         integer not null check (places between 1 and 500),
    taken          integer not null default 0 check (taken between 0 and places),
    created_at_ms  bigint  not null,
    expires_at_ms  bigint  not null,
    ended_at_ms    bigint
);
create index pool_invites_by_pool on exchange.pool_invites (pool, created_at_ms);

-- Who belongs to a pool, since when, and to which words they agreed. A row stays when somebody has left, so that they
-- can take it along; the pool sees those alone whose ended_at_ms is null.
-- member_id: how the pool names a member; it tells nothing outside of this pool.
create table exchange.pool_members (
    pool           text    not null references exchange.accounts,
    worker         text    not null references exchange.accounts,
    member_id      text    not null,
    agreed_to      text    not null,
    joined_at_ms   bigint  not null,
    ended_at_ms    bigint,
    ended_by       text    check (ended_by in ('worker', 'pool')),
    because        text    not null default '',
    primary key (pool, worker),
    unique (pool, member_id),
    check ((ended_at_ms is null) = (ended_by is null)),
    -- nobody is put out without a reason
    check (ended_by is distinct from 'pool' or because <> '')
);
create index pool_members_by_worker on exchange.pool_members (worker);

-- pool: whose members alone are lent tasks of the job; '' = everybody.
alter table exchange.jobs add column pool text not null default '';
create index jobs_by_pool on exchange.jobs (pool) where pool <> '';
