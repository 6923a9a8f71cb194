-- Where requesters want to be told what happens to their jobs, and what became of every telling.

-- One address of one requester. The key it is signed with follows from hook_id and a secret of the platform: it is not
-- kept here. ended_at_ms null = in use.
create table launcher.hooks (
    hook_id        text   primary key,
    requester      text   not null,
    url            text   not null,
    name           text   not null,
    created_at_ms  bigint not null,
    ended_at_ms    bigint
);
create index hooks_by_requester on launcher.hooks (requester);

-- One event for one address. state: waiting until the receiver said 2xx. A row stays: it is what can be told again.
create table launcher.tellings (
    hook_id        text    not null references launcher.hooks,
    job_id         text    not null,
    event_no       bigint  not null,
    state          text    not null default 'waiting' check (state in ('waiting', 'told')),
    attempts       integer not null default 0,
    status         integer,
    reason         text    not null default '',
    told_at_ms     bigint,
    primary key (hook_id, job_id, event_no),
    foreign key (job_id, event_no) references launcher.events
);
create index tellings_waiting on launcher.tellings (hook_id, job_id, event_no) where state = 'waiting';
