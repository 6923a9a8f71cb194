-- What a requester sees of a running job, and how fast people answer here.

-- name: answers_in_slices
-- Answers of a job in equal slices of time between the first and the last, and how many of the decided ones agree with
-- the verdict of their task.
with span as (
    select min(received_at_ms) as first_ms, max(received_at_ms) as last_ms
    from exchange.assignments where job_id = %(job_id)s and state = 'answered'
)
select span.first_ms, span.last_ms,
       least(%(slices)s - 1, (given.received_at_ms - span.first_ms) * %(slices)s
                             / greatest(span.last_ms - span.first_ms, 1))::integer as slice,
       count(*) as answers,
       count(*) filter (where given.outcome is not null) as decided,
       count(*) filter (where given.outcome = 'accepted') as agreeing
from exchange.assignments given, span
where given.job_id = %(job_id)s and given.state = 'answered'
group by 1, 2, 3 order by 3;

-- name: still_wanted
-- Answers that open tasks ask for and nobody has given.
select coalesce(sum(greatest(task.wanted - given.answers, 0)), 0)::bigint
from exchange.tasks task
cross join lateral (
    select count(*) as answers from exchange.assignments held
    where held.job_id = task.job_id and held.task_id = task.task_id and held.state = 'answered'
) given
where task.job_id = %(job_id)s and task.state in ('open', 'held') and task.queue <> 2;

-- name: answers_since
select count(*) from exchange.assignments
where job_id = %(job_id)s and state = 'answered' and received_at_ms >= %(since_ms)s;

-- name: pace_measured
-- Answers of the jobs opened lately, over the time between their first and last answer.
select coalesce(sum(answers), 0)::bigint, coalesce(sum(span_ms), 0)::bigint,
       (percentile_disc(0.5) within group (order by active_ms_median))::bigint
from (
    select count(*) as answers, max(given.received_at_ms) - min(given.received_at_ms) as span_ms,
           percentile_disc(0.5) within group (order by given.active_ms) as active_ms_median
    from exchange.assignments given
    where given.state = 'answered' and given.job_id in (
        select job.job_id from exchange.jobs job
        where not job.simulated and job.opened_at_ms >= %(since_ms)s order by job.opened_at_ms desc limit 10)
    group by given.job_id
) job;

-- name: timed_answers
-- The median of the active time of a job's answers.
select count(*), (percentile_disc(0.5) within group (order by active_ms))::bigint
from exchange.assignments where job_id = %(job_id)s and state = 'answered';

-- name: count_jobs
select state, count(*) from exchange.jobs group by state order by state;

-- name: count_tasks
select task.state, count(*) from exchange.tasks task join exchange.jobs job using (job_id)
where job.state in ('reading', 'cutting', 'open', 'cancelling', 'finishing') group by task.state order by task.state;

-- name: count_overdue
select count(*) from exchange.bundles where lease_until_ms <= %(before_ms)s;

-- name: count_uncollected
select count(*) from exchange.uncollected;

-- name: overdue_bundles
-- Leases that are over and that nobody has freed: normally none for longer than a second.
select bundle.job_id, job.title, count(*), min(bundle.lease_until_ms), sum(cardinality(bundle.task_ids))::bigint
from exchange.bundles bundle join exchange.jobs job using (job_id)
where bundle.lease_until_ms <= %(before_ms)s group by 1, 2 order by 4 limit 50;

-- name: quiet_jobs
-- Jobs that should move by themselves and have not for long.
select job_id, title, state, greatest(announced_at_ms, coalesce(opened_at_ms, 0), coalesce(recorded_at_ms, 0)) as since_ms
from exchange.jobs
where state in ('announced', 'reading', 'cutting', 'finishing', 'recorded', 'assembled')
  and greatest(announced_at_ms, coalesce(opened_at_ms, 0), coalesce(recorded_at_ms, 0)) < %(before_ms)s
order by since_ms limit 50;
