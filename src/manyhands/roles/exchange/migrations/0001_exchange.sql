-- What the exchange keeps: jobs and their pages, tasks and who holds them, answers until they are recorded, accounts of
-- workers, reports and jury cases. `job_id` leads every key of a job's tables, so that they can be sharded by job.
-- Times are milliseconds since 1970-01-01 UTC, amounts whole minor units of the job's currency.
create schema if not exists exchange;

-- --- jobs -----------------------------------------------------------------------------------------------------------

-- One job. manifest, routing: canonical JSON as the launcher sent it.
-- pages_unread, pages_undrawn, undecided count down to 0; whoever brings one to 0 starts the next stage, once.
create table exchange.jobs (
    job_id           text    primary key,
    state            text    not null default 'announced' check (state in
        ('announced', 'reading', 'cutting', 'open', 'cancelling', 'finishing', 'recorded', 'assembled', 'settled')),
    manifest         bytea   not null,
    routing          bytea   not null,
    title            text    not null,
    task_type        text    not null,
    currency         text    not null,
    simulated        boolean not null,
    lease_ms         bigint  not null check (lease_ms > 0),
    effort_cap_factor integer not null check (effort_cap_factor > 0),
    launcher         text    not null,
    recording        text    not null,
    reputation       text    not null,
    jury             text    not null,
    chain_id         bigint  not null,
    escrow           text    not null,
    token            text    not null,
    funded_minor     bigint  not null check (funded_minor > 0),
    pages_total      integer not null default 0,
    pages_unread     integer not null default 0 check (pages_unread >= 0),
    pages_undrawn    integer not null default 0 check (pages_undrawn >= 0),
    accepted_unseen  integer not null default 0,
    tasks_total      integer not null default 0,
    undecided        integer not null default 0 check (undecided >= 0),
    task_batches     integer not null default 0,
    answer_batches   integer not null default 0,
    recorded_batches integer not null default 0,
    reserved_minor   bigint  not null default 0,
    announced_at_ms  bigint  not null,
    opened_at_ms     bigint,
    recorded_at_ms   bigint,
    settled_at_ms    bigint,
    cancel_because   text,
    package_blob     text,
    package_hash     text,
    judged           bytea,
    settled          bytea
);
create index jobs_by_escrow on exchange.jobs (chain_id, escrow);
create index jobs_by_state on exchange.jobs (state);

-- What the chain said an escrow received; may come before the launcher's message. The key counts a transaction once,
-- however often it is told.
create table exchange.escrow_funds (
    chain_id        bigint not null,
    escrow          text   not null,
    tx_hash         text   not null,
    received_minor  bigint not null check (received_minor >= 0),
    primary key (chain_id, escrow, tx_hash)
);

-- One page. page_key counts the job's pages from 0. readings, pieces: JSON of documents.model, null until that stage.
-- failed: why no reader could make anything of it; the page is delivered without text then.
create table exchange.pages (
    job_id     text    not null,
    page_key   integer not null check (page_key >= 0),
    doc_id     text    not null,
    page_no    integer not null,
    kind       text    not null,
    blob       text    not null,
    width_px   integer not null check (width_px > 0),
    height_px  integer not null check (height_px > 0),
    state      text    not null default 'waiting' check (state in ('waiting', 'read', 'cut', 'drawn')),
    readings   bytea,
    pieces     bytea,
    failed     text,
    primary key (job_id, page_key),
    unique (job_id, doc_id, page_no),
    check (state = 'waiting' or readings is not null or failed is not null)
);

-- --- tasks ----------------------------------------------------------------------------------------------------------

-- One piece with its question. rank: a random order, the same at every look. place: reading order on its page.
-- page_share: of how many pieces of its page one worker may be lent; null = any number (privacy off).
-- wanted: answers asked for so far. taken: leases out plus answers in; a task is free to lend while taken < wanted.
-- A late answer may bring taken above wanted; a lease never does.
create table exchange.tasks (
    job_id         text     not null,
    task_id        text     not null,
    rank           integer  not null,
    page_key       integer  not null,
    place          integer  not null,
    page_share     integer  check (page_share > 0),
    piece_id       text     not null,
    state          text     not null default 'held' check (state in
        ('held', 'open', 'accepted', 'unreadable', 'frozen', 'withdrawn')),
    wanted         smallint not null check (wanted > 0),
    taken          smallint not null default 0 check (taken >= 0),
    gold           boolean  not null default false,
    question       text     not null,
    effort_ms      integer  not null check (effort_ms > 0),
    reward_minor   bigint   not null check (reward_minor > 0),
    picture        text     not null,
    facts          bytea    not null,
    value          text,
    confidence_bp  integer,
    support        integer,
    because        text,
    decided_batch  integer,
    primary key (job_id, task_id),
    -- a verdict that arrives while a report is judged waits in the row of the frozen task
    check (state not in ('accepted', 'unreadable') or decided_batch is not null),
    check (state not in ('held', 'open') or decided_batch is null),
    check (state <> 'accepted' or value is not null)
) with (fillfactor = 70);
-- The queue: what can be lent now, in lending order. It holds nothing else, so its head is never crowded with the past.
create index tasks_to_lend on exchange.tasks (job_id, rank) where state = 'open' and taken < wanted;

-- What a worker holds of a job: at most one bundle. claims counts up with each bundle lent: a claim that waited for
-- another of the same worker sees by it that its picture of the tables is old, and looks again.
create table exchange.bundles (
    job_id          text    not null,
    worker          text    not null,
    claims          integer not null default 0,
    cursor_rank     integer not null default -1,
    task_ids        text[]  not null default '{}',
    lease_until_ms  bigint,
    primary key (job_id, worker),
    check (cardinality(task_ids) <= 20)
) with (fillfactor = 60);
create index bundles_due on exchange.bundles (lease_until_ms) where lease_until_ms is not null;

-- A task lent to a worker, and the answer that came back: one row for its whole life.
-- The key is the rule: one worker, one assignment, one answer per task, whatever is sent twice.
-- batch_no: answers batch in which it went to the recording oracle. outcome: what that said.
create table exchange.assignments (
    job_id          text    not null,
    task_id         text    not null,
    worker          text    not null,
    page_key        integer,
    place           integer not null,
    state           text    not null default 'lent' check (state in
        ('lent', 'answered', 'returned', 'expired', 'reported')),
    lent_at_ms      bigint  not null,
    lease_until_ms  bigint  not null,
    received_at_ms  bigint,
    active_ms       integer check (active_ms >= 0),
    answer_text     text    check (length(answer_text) <= 2000),
    batch_no        integer,
    outcome         text    check (outcome in ('accepted', 'refused')),
    earned_minor    bigint  check (earned_minor >= 0),
    code            text,
    because         text,
    primary key (job_id, task_id, worker),
    check ((state = 'answered') = (received_at_ms is not null)),
    check (state = 'answered' or (answer_text is null and active_ms is null and batch_no is null)),
    check (outcome is null or (batch_no is not null and earned_minor is not null)),
    check (outcome is distinct from 'refused' or (earned_minor = 0 and code is not null and because is not null))
    -- half of each page is left free: an assignment is changed three times, in place
) with (fillfactor = 50);
-- What a worker was lent of a page; only where the privacy level asks (page_key is null elsewhere).
create index assignments_by_page on exchange.assignments (job_id, worker, page_key) where page_key is not null;

-- Answers received and not yet sent to the recording oracle, in the order received. A row leaves in the transaction
-- that puts its answer into a batch.
create table exchange.uncollected (
    job_id     text   not null,
    answer_no  bigint generated always as identity,
    task_id    text   not null,
    worker     text   not null,
    primary key (job_id, answer_no)
);

-- What the recording oracle anchored.
create table exchange.batches (
    job_id          text    not null,
    batch_no        integer not null,
    root            text    not null,
    evidence_blob   text    not null,
    answers         integer not null,
    reserved_minor  bigint  not null,
    recorded_at_ms  bigint  not null,
    primary key (job_id, batch_no)
);

-- A worker's side of a job. collected_minor: rewards of all answers sent; decided_minor: rewards of those decided.
create table exchange.earnings (
    job_id           text    not null,
    worker           text    not null,
    answers          integer not null default 0,
    accepted         integer not null default 0,
    refused          integer not null default 0,
    collected_minor  bigint  not null default 0,
    decided_minor    bigint  not null default 0,
    earned_minor     bigint  not null default 0,
    credited_ms      bigint  not null default 0,
    bonus_minor      bigint  not null default 0,
    top_up_minor     bigint  not null default 0,
    paid_minor       bigint  not null default 0,
    because          text    not null default '',
    primary key (job_id, worker),
    check (accepted + refused <= answers and earned_minor <= decided_minor)
);
create index earnings_by_worker on exchange.earnings (worker);

-- What is told of an open job to workers who look for work; refreshed by the tick.
-- active_ms_sample: the last measured times of answers.
create table exchange.offers (
    job_id               text    primary key,
    open_tasks           integer not null default 0,
    reward_minor_median  bigint  not null default 0,
    effort_ms_median     bigint  not null default 0,
    active_ms_sample     integer[] not null default '{}',
    refreshed_at_ms      bigint  not null default 0
);

-- --- workers --------------------------------------------------------------------------------------------------------

-- An account: a name, a password's hash, and a wallet kept for the worker. worker: the wallet's address.
-- wallet_sealed: the private key, encrypted with the operator's secret and bound to the address.
create table exchange.accounts (
    worker           text    primary key check (worker ~ '^0x[0-9a-f]{40}$'),
    name             text    not null,
    name_key         text    not null unique,
    password_hash    text    not null,
    wallet_sealed    bytea   not null,
    simulated        boolean not null default false,
    created_at_ms    bigint  not null
);

-- token_hash: sha-256 of the cookie. An ended or outlived session is deleted.
create table exchange.sessions (
    token_hash     text   primary key,
    worker         text   not null references exchange.accounts,
    created_at_ms  bigint not null,
    expires_at_ms  bigint not null
);
create index sessions_by_worker on exchange.sessions (worker);
create index sessions_by_expiry on exchange.sessions (expires_at_ms);

-- Failed sign-ins, so that passwords can't be tried at leisure.
create table exchange.sign_in_failures (
    name_key      text    not null,
    window_no     bigint  not null,
    failures      integer not null,
    primary key (name_key, window_no)
);

-- Standing as the reputation oracle publishes it, each change with its reason.
create table exchange.standings (
    worker       text    not null,
    skill        text    not null,
    right_micro  bigint  not null,
    wrong_micro  bigint  not null,
    score_bp     integer not null,
    because      text    not null,
    at_ms        bigint  not null,
    primary key (worker, skill)
);

-- --- misuse ---------------------------------------------------------------------------------------------------------

create table exchange.reports (
    job_id       text   not null,
    report_id    text   not null,
    task_id      text   not null,
    reporter     text   not null,
    code         text   not null,
    report_text  text   not null,
    state        text   not null default 'filed' check (state in ('filed', 'judged', 'cleared', 'upheld')),
    filed_at_ms  bigint not null,
    primary key (job_id, report_id)
);
-- A task is frozen by one report at a time.
create unique index reports_one_open on exchange.reports (job_id, task_id) where state in ('filed', 'judged');

create table exchange.cases (
    job_id         text   not null,
    case_id        text   not null,
    report_id      text   not null,
    clear_digest   text   not null,
    uphold_digest  text   not null,
    drawn_at_ms    bigint not null,
    ruled_at_ms    bigint,
    upheld         boolean,
    primary key (job_id, case_id)
);

create table exchange.case_jurors (
    job_id        text    not null,
    case_id       text    not null,
    juror         text    not null,
    uphold        boolean,
    because       text,
    voted_at_ms   bigint,
    paid_minor    bigint  not null default 0,
    primary key (job_id, case_id, juror),
    check ((uphold is null) = (voted_at_ms is null))
);
create index case_jurors_by_juror on exchange.case_jurors (juror);
