-- What the launcher keeps: each job with its manifest, quote, route, money and life; its documents; what happened to it.
create schema if not exists launcher;

-- The life cycle, the same table as in protocol.lifecycles: the query `move` knows no other moves.
create table launcher.moves (
    from_state  text not null,
    verb        text not null,
    to_state    text not null,
    primary key (from_state, verb)
);
insert into launcher.moves (from_state, verb, to_state) values
    ('draft', 'quote', 'quoted'),
    ('quoted', 'route', 'routed'),
    ('quoted', 'refuse', 'refused'),
    ('routed', 'fund', 'funding'),
    ('routed', 'reroute', 'routed'),
    ('funding', 'funded', 'open'),
    ('funding', 'reroute', 'routed'),
    ('open', 'record', 'recorded'),
    ('open', 'cancel', 'cancelling'),
    ('recorded', 'judge', 'settling'),
    ('cancelling', 'judge', 'settling'),
    ('settling', 'paid', 'closed');

create table launcher.jobs (
    job_id          text    primary key,
    requester       text    not null,
    request_key     text    not null,
    attempt         integer not null check (attempt > 0),
    request_hash    text    not null,
    state           text    not null default 'draft'
        check (state in ('draft', 'quoted', 'routed', 'funding', 'open', 'recorded', 'cancelling', 'settling', 'closed',
                         'refused')),
    because         text    not null default '',
    manifest        bytea   not null,
    manifest_blob   text    not null,
    quote           bytea   not null,
    quote_minor     bigint  not null check (quote_minor > 0),
    workers_needed  integer not null,
    created_at_ms   bigint  not null,
    approved_at_ms  bigint,
    -- routing
    router          text    not null default '',
    route_attempt   integer not null default 0,
    avoid_chain_ids bigint[] not null default '{}',
    routing         bytea,
    route_envelope  bytea,
    -- money
    launch_tx       text    not null default '',
    escrow          text    not null default '',
    token           text    not null default '',
    funded_minor    bigint  not null default 0 check (funded_minor >= 0),
    -- the end
    cancel_because  text,
    cancel_at_ms    bigint,
    cancel_tx       text,
    judged          bytea,
    settled         bytea,
    paid_minor      bigint  not null default 0 check (paid_minor >= 0),
    -- one job per request and attempt: the same launch command twice finds the first job
    unique (requester, request_key, attempt),
    check (paid_minor <= funded_minor),
    check ((escrow = '') = (funded_minor = 0)),
    check ((cancel_because is null) = (cancel_at_ms is null)),
    check (state not in ('draft', 'refused') or launch_tx = ''),
    check (state not in ('open', 'recorded', 'cancelling', 'settling', 'closed') or escrow <> '')
);
create index jobs_newest on launcher.jobs (created_at_ms desc, job_id);
create index jobs_cancelling on launcher.jobs (cancel_at_ms) where state = 'cancelling';

create table launcher.documents (
    job_id        text    not null references launcher.jobs,
    doc_id        text    not null,
    place         integer not null,
    kind          text    not null,
    content_hash  text    not null,
    pages         bytea   not null,
    page_count    integer not null check (page_count > 0),
    truth_blob    text    not null default '',
    primary key (job_id, doc_id),
    unique (job_id, place)
);

create table launcher.events (
    job_id    text   not null references launcher.jobs,
    event_no  bigint not null generated always as identity,
    at_ms     bigint not null,
    name      text   not null,
    because   text   not null default '',
    primary key (job_id, event_no)
);
