-- What the reputation oracle keeps: the requester's secret holdback, its whole-job verdicts, standings with their causes.
create schema if not exists reputation;

create table reputation.jobs (
    job_id          text primary key,
    manifest        bytea  not null,
    launcher        text   not null,
    exchange        text   not null,
    recording       text   not null,
    jury            text   not null,
    chain_id        bigint not null,
    escrow          text   not null,
    funded_minor    bigint not null check (funded_minor > 0),
    state           text   not null default 'open' check (state in
                    ('open', 'judging', 'reserving', 'paying', 'completing', 'settled')),
    evidence_blobs  bytea,
    package_blob    text,
    package_hash    text,
    payouts         bytea,
    payouts_blob    text,
    chunks          integer not null default 0,
    -- a state beyond judging has a payouts file that says why everyone gets what they get
    check (state in ('open', 'judging') or (payouts is not null and payouts_blob is not null))
);

-- Apart from the jobs and told to nobody: what the requester knows beforehand.
create table reputation.holdback (
    job_id      text  not null,
    doc_id      text  not null,
    truth_blob  text  not null,
    primary key (job_id, doc_id)
);

create table reputation.rulings (
    job_id             text  not null,
    case_id            text  not null,
    jurors_paid_minor  bytea not null,
    primary key (job_id, case_id)
);

-- Every change of a standing with its cause; the standings below are nothing but these, replayed.
create table reputation.outcomes (
    job_id     text    not null,
    worker     text    not null,
    skill      text    not null,
    cause      text    not null,
    was_right  boolean not null,
    weight_bp  integer not null check (weight_bp between 0 and 10000),
    at_ms      bigint  not null,
    position   integer not null,
    primary key (job_id, worker, skill, cause)
);

create table reputation.standings (
    worker       text    not null,
    skill        text    not null,
    right_micro  bigint  not null,
    wrong_micro  bigint  not null,
    at_ms        bigint  not null,
    score_bp     integer not null,
    mean_bp      integer not null,
    cause        text    not null,
    primary key (worker, skill)
);

-- Finished jobs by category: what the next quote and the next verdict lean on.
create table reputation.reference (
    job_id     text primary key,
    category   text   not null,
    pieces     bigint not null,
    answers    bigint not null,
    effort_ms  bigint not null,
    right_pieces bigint not null,
    judged_pieces bigint not null
);
