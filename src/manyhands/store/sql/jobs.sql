-- name: enqueue
-- One statement for one or many: the arrays run in parallel.
select unnest(procrastinate_defer_jobs_v1(array(
    select row(
        %(queue)s, %(task)s, %(priority)s, item.lock, item.queueing_lock, item.args, %(schedule_at)s
    )::procrastinate_job_to_defer_v1
    from unnest(%(args)s::jsonb[], %(locks)s::text[], %(queueing_locks)s::text[])
        with ordinality as item (args, lock, queueing_lock, position)
    order by item.position
)));

-- name: record_failure
-- Counts failures apart from procrastinate's attempts: a worker that was killed is no failure of the work.
insert into store.job_failures (work_id, failure_no, error_type, reason)
select %(work_id)s, coalesce(max(failure_no), 0) + 1, %(error_type)s, %(reason)s
from store.job_failures
where work_id = %(work_id)s
returning failure_no;

-- name: retry_stalled
-- Work whose worker has not been heard of. The loser of a race with the living worker changes nothing.
update procrastinate_jobs as work
set status = 'todo', attempts = attempts + 1, scheduled_at = null, abort_requested = false
where work.id in (
    select stalled.id
    from procrastinate_jobs as stalled
    left join procrastinate_workers as worker on worker.id = stalled.worker_id
    where stalled.status = 'doing'
      and (worker.id is null or worker.last_heartbeat <= now() - make_interval(secs => %(stalled_after_ms)s / 1000.0))
    for update of stalled skip locked
)
  and work.status = 'doing'
returning work.id;

-- name: retry_left_doing
-- Work that ended in this very worker, whose end could not be written because the database was away.
update procrastinate_jobs
set status = 'todo', attempts = attempts + 1, scheduled_at = null, abort_requested = false
where id = any(%(work_ids)s) and worker_id = %(worker_id)s and status = 'doing'
returning id;

-- name: dead_letters
select work_id, task_name, queue, args, attempts, reason, failed_at
from store.dead_letters
order by work_id
limit %(limit)s;

-- name: requeue_dead
-- Starts counting failures anew.
with forgotten as (
    delete from store.job_failures where work_id = %(work_id)s
)
update procrastinate_jobs
set status = 'todo', attempts = 0, scheduled_at = null, abort_requested = false
where id = %(work_id)s and status in ('failed', 'aborted', 'cancelled')
returning id;

-- name: count_waiting
select count(*) from procrastinate_jobs
where status in ('todo', 'doing') and (%(queues)s::text[] is null or queue_name = any(%(queues)s));

-- name: count_due
-- Work that a worker could take this very moment.
select count(*) from procrastinate_jobs as work
where work.status = 'todo'
  and (%(queues)s::text[] is null or work.queue_name = any(%(queues)s))
  and (work.scheduled_at is null or work.scheduled_at <= now())
  and not exists (
      select from procrastinate_jobs as other
      where other.lock = work.lock
        and (other.status = 'doing'
             or other.status = 'todo' and (other.priority, -other.id) > (work.priority, -work.id))
  );

-- name: poke_queue
select pg_notify('procrastinate_queue_v1#' || queue_name, json_build_object('type', 'job_inserted', 'job_id', id)::text)
from procrastinate_jobs
where id = any(%(work_ids)s);

-- name: queue_depths
-- Work by queue and status, with the age of the oldest that could be taken.
select work.queue_name, work.status::text, count(*),
       coalesce((extract(epoch from now() - min(coalesce(work.scheduled_at, event.at))) * 1000)::bigint, 0)
from procrastinate_jobs work
left join lateral (
    select at from procrastinate_events where job_id = work.id order by id limit 1
) event on true
where work.status in ('todo', 'doing', 'failed')
group by 1, 2 order by 1, 2;

-- name: waiting_retries
-- Work that failed and waits for its next try.
select work.id as work_id, work.task_name, work.queue_name as queue, work.args, count(failure.failure_no) as attempts,
       (array_agg(failure.reason order by failure.failure_no desc))[1] as reason, work.scheduled_at as failed_at
from procrastinate_jobs work join store.job_failures failure on failure.work_id = work.id
where work.status = 'todo' and work.scheduled_at > now()
group by work.id order by work.scheduled_at limit %(limit)s;

-- name: retry_now
update procrastinate_jobs set scheduled_at = null
where id = %(work_id)s and status = 'todo' and scheduled_at > now() returning id;
