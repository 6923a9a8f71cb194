-- What the recording oracle keeps: tasks without pictures, answers with salts, verdicts, and what each batch reserved.
create schema if not exists recording;

create table recording.jobs (
    job_id          text primary key,
    manifest        bytea   not null,
    launcher        text    not null,
    exchange        text    not null,
    reputation      text    not null,
    jury            text    not null,
    chain_id        bigint  not null,
    escrow          text    not null,
    funded_minor    bigint  not null check (funded_minor > 0),
    reserved_minor  bigint  not null default 0 check (reserved_minor >= 0),
    batches         integer not null default 0,
    tasks_complete  boolean not null default false,
    recorded        boolean not null default false,
    extra_reserved  boolean not null default false,
    -- the escrow refuses more than it holds; so do these rows
    check (reserved_minor <= funded_minor)
);

create table recording.tasks (
    job_id        text    not null references recording.jobs,
    task_id       text    not null,
    facts         bytea   not null,
    decision      bytea,
    refused       integer not null default 0,
    withdrawn     boolean not null default false,
    first_batch   integer,
    withdrawn_told boolean not null default false,
    primary key (job_id, task_id)
);
create index tasks_unsettled on recording.tasks (job_id) where decision is null and not withdrawn;

create table recording.answers (
    job_id          text    not null,
    task_id         text    not null,
    worker          text    not null,
    batch_no        integer not null,
    position        integer not null,
    text_keyed      text,
    active_ms       bigint  not null check (active_ms >= 0),
    received_at_ms  bigint  not null,
    reward_minor    bigint  not null check (reward_minor >= 0),
    refused         boolean not null default false,
    -- one person, one answer to a task: a repeat can neither be paid nor counted twice
    primary key (job_id, task_id, worker),
    foreign key (job_id, task_id) references recording.tasks,
    check (not refused or reward_minor = 0)
);

create table recording.workers (
    job_id       text    not null references recording.jobs,
    worker       text    not null,
    right_micro  bigint  not null,
    wrong_micro  bigint  not null,
    at_ms        bigint  not null,
    cause        text    not null,
    gold_right   integer not null default 0,
    gold_seen    integer not null default 0,
    primary key (job_id, worker),
    check (gold_right between 0 and gold_seen)
);

create table recording.batches (
    job_id          text    not null references recording.jobs,
    batch_no        integer not null,
    root            text    not null,
    evidence_blob   text    not null,
    answers         integer not null,
    reserved_minor  bigint  not null,
    primary key (job_id, batch_no)
);

-- Standings that the reputation oracle published: what a worker brings into the next job.
create table recording.standings (
    worker       text   not null,
    skill        text   not null,
    right_micro  bigint not null,
    wrong_micro  bigint not null,
    at_ms        bigint not null,
    score_bp     integer not null,
    primary key (worker, skill)
);

create table recording.rulings (
    job_id              text   not null,
    case_id             text   not null,
    jurors_paid_minor   bytea  not null,
    primary key (job_id, case_id)
);
