-- Appeals against refused answers: who was drawn, how they voted, how it ended.
create table jury.appeals (
    job_id       text   not null references jury.jobs,
    appeal_id    text   not null,
    worker       text   not null,
    words        text   not null,
    task_ids     text[] not null check (cardinality(task_ids) between 1 and 1000),
    eligible     text[] not null,
    jurors       text[] not null,
    state        text   not null default 'open' check (state in ('open', 'granted', 'denied')),
    because      text   not null default '',
    filed_at_ms  bigint not null,
    ended_at_ms  bigint,
    primary key (job_id, appeal_id),
    check ((state = 'open') = (ended_at_ms is null)),
    -- nobody judges the own appeal
    check (not worker = any (jurors))
);
create index appeals_open on jury.appeals (filed_at_ms) where state = 'open';

create table jury.appeal_votes (
    job_id      text    not null,
    appeal_id   text    not null,
    juror       text    not null,
    granted     boolean not null,
    because     text    not null,
    signature   text    not null,
    cast_at_ms  bigint  not null,
    -- one juror, one vote
    primary key (job_id, appeal_id, juror)
);
