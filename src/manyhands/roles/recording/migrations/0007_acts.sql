-- What an oracle of a job with a daily cap does to its escrow, in order: the day may have no room for it yet.
-- batch_no: of an anchored batch, whose pay is reserved with it; null for extra pay. reference: root or reason.
-- again: how often the chain has refused it for now. waits: it is to be sent, or sent again.
create table recording.acts (
    job_id         text    not null references recording.jobs,
    act_no         integer not null,
    batch_no       integer,
    reference      bytea   not null check (length(reference) = 32),
    answers        integer not null default 0,
    evidence_hash  bytea,
    amount_minor   bigint  not null check (amount_minor >= 0),
    shares         bytea   not null,
    again          integer not null default 0,
    waits          boolean not null default true,
    primary key (job_id, act_no),
    unique (job_id, reference),
    check ((batch_no is null) = (evidence_hash is null)),
    check (batch_no is not null or amount_minor > 0)
);
create index acts_waiting on recording.acts (job_id, act_no) where waits;
