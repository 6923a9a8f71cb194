-- What a worker is told of the own work beside money: hours, wishes, changes of standing; and what workers say of requesters.

-- Work by the hour, written with each batch that is sent. offered_minor: rewards of those answers, whatever came of them.
create table exchange.worked (
    worker         text    not null,
    hour_ms        bigint  not null check (hour_ms % 3600000 = 0),
    currency       text    not null,
    answers        integer not null,
    active_ms      bigint  not null,
    offered_minor  bigint  not null,
    primary key (worker, hour_ms, currency)
);

-- A worker's own limits. 0 = none. utc_offset_minutes: where the worker's day begins.
create table exchange.wishes (
    worker              text    primary key,
    day_cap_minutes     integer not null default 0 check (day_cap_minutes between 0 and 1440),
    week_cap_minutes    integer not null default 0 check (week_cap_minutes between 0 and 10080),
    break_minutes       integer not null default 50 check (break_minutes between 0 and 240),
    sensitive           boolean not null default false,
    utc_offset_minutes  integer not null default 0 check (utc_offset_minutes between -840 and 840),
    changed_at_ms       bigint  not null
);

-- Every published change of a standing; `standings` holds the last one of each.
create table exchange.standing_changes (
    worker       text    not null,
    skill        text    not null,
    at_ms        bigint  not null,
    job_id       text    not null,
    right_micro  bigint  not null,
    wrong_micro  bigint  not null,
    score_bp     integer not null,
    because      text    not null,
    primary key (worker, skill, job_id)
);

-- What workers say of a job's requester, 1 to 5, one word each per job.
create table exchange.ratings (
    job_id  text     not null,
    worker  text     not null,
    stars   smallint not null check (stars between 1 and 5),
    at_ms   bigint   not null,
    primary key (job_id, worker)
);

-- Which version of a guide a worker has read.
create table exchange.guides_read (
    worker     text   not null,
    task_type  text   not null,
    version    text   not null,
    at_ms      bigint not null,
    primary key (worker, task_type, version)
);

alter table exchange.jobs add column requester text not null default '', add column sensitive boolean not null default false;
update exchange.jobs set requester = coalesce(convert_from(manifest, 'UTF8')::jsonb ->> 'requester', ''),
    sensitive = coalesce(convert_from(manifest, 'UTF8')::jsonb ->> 'content_class', '') = 'sensitive';
create index jobs_by_requester on exchange.jobs (requester);
