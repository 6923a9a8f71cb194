-- Why background jobs failed. procrastinate keeps the job, this keeps the reason.

create table store.job_failures (
    work_id     bigint      not null references public.procrastinate_jobs (id) on delete cascade,
    failure_no  integer     not null check (failure_no > 0),
    error_type  text        not null,
    reason      text        not null,
    failed_at   timestamptz not null default now(),
    primary key (work_id, failure_no)
);

-- Work that is not tried again by itself: out of attempts, hopeless, or of a task nobody knows.
create view store.dead_letters as
select
    work.id           as work_id,
    work.task_name    as task_name,
    work.queue_name   as queue,
    work.args         as args,
    work.lock         as lock,
    work.attempts     as attempts,
    coalesce(failure.reason, 'no worker of its queue knows the task, or the database was away') as reason,
    failure.failed_at as failed_at
from public.procrastinate_jobs as work
left join lateral (
    select reason, failed_at from store.job_failures where work_id = work.id order by failure_no desc limit 1
) as failure on true
where work.status in ('failed', 'aborted', 'cancelled');

-- A worker looks for work when new work is announced. Work that waited for a lock is not new when the lock gets free, and
-- would lie until the next poll; so the end of work with a lock is announced too.
create function store.announce_free_lock() returns trigger language plpgsql as $$
begin
    perform pg_notify(
        'procrastinate_queue_v1#' || waiting.queue_name,
        json_build_object('type', 'job_inserted', 'job_id', waiting.id)::text
    )
    from (
        select id, queue_name from public.procrastinate_jobs
        where lock = old.lock and status = 'todo' and id <> old.id
        order by priority desc, id
        limit 1
    ) as waiting;
    return null;
end;
$$;

create trigger announce_free_lock_at_end
    after update of status on public.procrastinate_jobs
    for each row when (old.status = 'doing' and new.status not in ('doing', 'todo') and old.lock is not null)
    execute function store.announce_free_lock();

create trigger announce_free_lock_at_removal
    after delete on public.procrastinate_jobs
    for each row when (old.lock is not null)
    execute function store.announce_free_lock();

create index jobs_by_lock on public.procrastinate_jobs (lock, priority desc, id) where status in ('todo', 'doing');
