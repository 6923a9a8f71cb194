-- Appeals of workers against refused answers, and the jurors asked here. `uphold` of a juror means: pay the worker.
create table exchange.appeals (
    job_id          text   not null,
    appeal_id       text   not null,
    worker          text   not null,
    words           text   not null,
    task_ids        text[] not null check (cardinality(task_ids) between 1 and 1000),
    -- the pieces that jurors are shown
    exhibits        text[] not null check (cardinality(exhibits) between 1 and 5),
    jurors          integer not null default 0,
    state           text   not null default 'open' check (state in ('open', 'granted', 'denied')),
    because         text   not null default '',
    restored_minor  bigint not null default 0 check (restored_minor >= 0),
    filed_at_ms     bigint not null,
    ended_at_ms     bigint,
    primary key (job_id, appeal_id),
    check ((state = 'open') = (ended_at_ms is null)),
    check (state = 'granted' or restored_minor = 0)
);
-- One appeal of a worker at a time.
create unique index appeals_one_open on exchange.appeals (job_id, worker) where state = 'open';
create index appeals_by_worker on exchange.appeals (worker);

create table exchange.appeal_jurors (
    job_id        text   not null,
    appeal_id     text   not null,
    juror         text   not null,
    granted       boolean,
    because       text,
    voted_at_ms   bigint,
    paid_minor    bigint not null default 0,
    primary key (job_id, appeal_id, juror),
    check ((granted is null) = (voted_at_ms is null))
);
create index appeal_jurors_by_juror on exchange.appeal_jurors (juror);

-- When the last refusal of a job was told: its worker has a while to appeal before the job ends.
alter table exchange.jobs add column refused_at_ms bigint;
alter table exchange.earnings add column restored_minor bigint not null default 0;
