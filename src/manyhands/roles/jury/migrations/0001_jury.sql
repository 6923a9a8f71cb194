-- What the jury keeps: jobs with a committed secret, reports, the people that can be drawn, votes with signatures.
create schema if not exists jury;

create table jury.jobs (
    job_id      text   primary key,
    manifest    bytea  not null,
    routing     bytea  not null,
    launcher    text   not null,
    chain_id    bigint not null,
    escrow      text   not null,
    secret      bytea  not null check (length(secret) = 32),
    -- shown from the beginning; the secret itself only when no report of the job is open any more
    commitment  text   not null
);

create table jury.pool (
    job_id  text not null references jury.jobs,
    worker  text not null,
    primary key (job_id, worker)
);

create table jury.reports (
    job_id         text    not null references jury.jobs,
    report_id      text    not null,
    task_id        text    not null,
    reporter       text    not null,
    code           text    not null,
    report_text    text    not null,
    picture_blob   text    not null,
    state          text    not null default 'filed' check (state in ('filed', 'judged', 'cleared', 'upheld')),
    case_id        text    not null default '',
    jurors         text[]  not null default '{}',
    eligible       text[]  not null default '{}',
    ruling_asked   boolean not null default false,
    because        text    not null default '',
    filed_at_ms    bigint  not null,
    drawn_at_ms    bigint,
    ended_at_ms    bigint,
    primary key (job_id, report_id),
    check ((case_id = '') = (state = 'filed')),
    check ((ended_at_ms is null) = (state in ('filed', 'judged'))),
    -- nobody judges the own report
    check (not reporter = any (jurors))
);
create unique index reports_by_case on jury.reports (case_id) where case_id <> '';
create index reports_open on jury.reports (state, filed_at_ms) where state in ('filed', 'judged');

create table jury.votes (
    job_id      text    not null,
    case_id     text    not null,
    juror       text    not null,
    uphold      boolean not null,
    because     text    not null,
    signature   text    not null,
    cast_at_ms  bigint  not null,
    -- one juror, one vote
    primary key (job_id, case_id, juror)
);
