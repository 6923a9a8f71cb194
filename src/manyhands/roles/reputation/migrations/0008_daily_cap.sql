-- Paying a job with a daily cap takes days. owed: what each worker still gets, in the order in which it is paid; what
-- answers earned comes before bonus and top-up, because that much is reserved first.
create table reputation.owed (
    job_id        text    not null references reputation.jobs,
    place         integer not null,
    worker        text    not null,
    amount_minor  bigint  not null check (amount_minor > 0),
    sent_minor    bigint  not null default 0,
    primary key (job_id, place),
    check (sent_minor between 0 and amount_minor)
);
create index owed_still on reputation.owed (job_id, place) where sent_minor < amount_minor;

-- One bulk payout each. again: how often the chain has refused it for now. waits: it is to be sent again.
create table reputation.parts (
    job_id        text    not null references reputation.jobs,
    part_no       integer not null check (part_no >= 0),
    pay           bytea   not null,
    amount_minor  bigint  not null check (amount_minor > 0),
    again         integer not null default 0,
    waits         boolean not null default false,
    primary key (job_id, part_no)
);
create index parts_waiting on reputation.parts (job_id, part_no) where waits;
