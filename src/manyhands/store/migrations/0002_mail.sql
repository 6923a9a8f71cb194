-- Signed messages between roles. One outbox and one inbox for all roles of this database.

create schema mail;

-- Orders the messages of one sender to one recipient about one job: the sender holds the row until it commits.
create table mail.streams (
    job_id          text   not null,
    sender          text   not null,
    recipient       text   not null,
    recipient_role  text   not null,
    sent            bigint not null check (sent > 0),
    primary key (job_id, sender, recipient, recipient_role)
);

create table mail.outbox (
    job_id          text        not null,
    message_id      text        not null,
    sender          text        not null,
    recipient       text        not null,
    recipient_role  text        not null,
    position        bigint      not null,
    body_type       text        not null,
    envelope        bytea       not null,
    state           text        not null default 'waiting' check (state in ('waiting', 'delivered', 'refused')),
    reason          text        not null default '',
    sent_at         timestamptz not null default now(),
    settled_at      timestamptz,
    primary key (job_id, message_id),
    unique (job_id, sender, recipient, recipient_role, position),
    -- a refusal says why; a settled message says when
    check ((state = 'refused') = (reason <> '')),
    check ((state = 'waiting') = (settled_at is null))
);

create index outbox_waiting on mail.outbox (job_id, sender, recipient, recipient_role, position) where state = 'waiting';

-- What was applied, so that it is applied once. A refused message is remembered too, with its reason.
create table mail.inbox (
    job_id          text        not null,
    recipient       text        not null,
    recipient_role  text        not null,
    message_id      text        not null,
    sender          text        not null,
    sender_role     text        not null,
    body_type       text        not null,
    outcome         text        not null default 'applied' check (outcome in ('applied', 'refused')),
    reason          text        not null default '',
    received_at     timestamptz not null default now(),
    primary key (job_id, recipient, recipient_role, message_id),
    check ((outcome = 'refused') = (reason <> ''))
);

-- Every message that is not settled, with what keeps it.
create view mail.undelivered as
select
    message.job_id,
    message.message_id,
    message.sender,
    message.recipient,
    message.recipient_role,
    message.body_type,
    message.sent_at,
    coalesce(work.status::text, 'lost')        as work_status,
    work.id                                    as work_id,
    coalesce(failure.failure_no, 0)            as failures,
    coalesce(failure.reason, '')               as reason
from mail.outbox as message
left join lateral (
    select id, status from public.procrastinate_jobs
    where task_name = 'mail.deliver'
      and lock = 'mail:' || message.job_id || ':' || message.sender || ':' || message.recipient || ':' || message.recipient_role
      and args ->> 'message_id' = message.message_id
    order by id desc
    limit 1
) as work on true
left join lateral (
    select failure_no, store.job_failures.reason from store.job_failures
    where work_id = work.id
    order by failure_no desc
    limit 1
) as failure on true
where message.state = 'waiting';

-- The view looks work up by its lock, also when it is dead.
create index jobs_by_lock_any_state on public.procrastinate_jobs (lock) where lock is not null;
