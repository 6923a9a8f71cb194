-- Lending tasks and taking answers. The four statements of the hot path are functions: see migrations/0002_lending.sql.

-- name: claim
select * from exchange.claim(%(job_id)s, %(worker)s, %(count)s, %(now_ms)s);

-- name: submit
select * from exchange.submit(%(job_id)s, %(worker)s, %(task_ids)s, %(texts)s, %(active_ms)s::integer[], %(now_ms)s);

-- name: give_back
select exchange.give_back(%(job_id)s, %(worker)s, %(task_ids)s);

-- name: expire
select bundles, tasks from exchange.expire(%(job_id)s, %(most)s, %(now_ms)s);

-- name: join_job
-- A worker's row in a job, made at the first claim. The cursor starts at a place of the worker's own, so that workers
-- do not crowd at the same tasks. No row when the job is not open, the crowd is of the other kind, or the job is for the
-- members of a work pool to which the worker does not belong.
insert into exchange.bundles (job_id, worker, cursor_rank, skill_bp, gold_share_bp)
select job.job_id, account.worker, floor(job.tasks_total::bigint * %(start_bp)s / 10000.0)::integer - 1,
       %(skill_bp)s, %(gold_share_bp)s
from exchange.jobs job, exchange.accounts account
where job.job_id = %(job_id)s and job.state = 'open' and account.worker = %(worker)s
  and account.simulated = job.simulated
  and (job.pool = '' or exists (select from exchange.pool_members member
       where member.pool = job.pool and member.worker = account.worker and member.ended_at_ms is null))
on conflict (job_id, worker) do update set worker = excluded.worker
returning job_id;

-- name: standing_at_door
-- What is known of a worker who comes to a job, and of newcomers to such work.
select coalesce(standing.right_micro, 0), coalesce(standing.wrong_micro, 0), coalesce(standing.at_ms, 0),
       coalesce(prior.right_micro, 0), coalesce(prior.wrong_micro, 0), job.manifest
from exchange.jobs job
left join exchange.priors prior on prior.task_type = job.task_type and prior.simulated = job.simulated
left join exchange.standings standing on standing.worker = %(worker)s and standing.skill = job.task_type
where job.job_id = %(job_id)s;

-- name: job_door
-- Why a worker can't join a job.
select job.state, job.simulated as job_simulated, account.simulated as worker_simulated,
       job.pool <> '' and not exists (select from exchange.pool_members member
           where member.pool = job.pool and member.worker = account.worker and member.ended_at_ms is null) as outside
from (select) one
left join exchange.jobs job on job.job_id = %(job_id)s
left join exchange.accounts account on account.worker = %(worker)s;

-- name: put_link
-- The last word on a worker holds; an older one that comes late changes nothing.
insert into exchange.links (worker, link_group, link_no, job_id, because, at_ms)
values (%(worker)s, %(group)s, %(link_no)s, %(job_id)s, %(because)s, %(now_ms)s)
on conflict (worker) do update
set link_group = excluded.link_group, link_no = excluded.link_no, job_id = excluded.job_id, because = excluded.because,
    at_ms = excluded.at_ms,
    -- new evidence asks for new words
    words = case when exchange.links.link_group = excluded.link_group then exchange.links.words else '' end
where exchange.links.link_no < excluded.link_no;

-- name: link_of
select own.link_group <> '' as counted_as_one,
       (select greatest(count(*) - 1, 0) from exchange.links other
        where other.link_group = own.link_group and other.link_group <> '') as others,
       own.because, own.at_ms, own.words
from exchange.links own where own.worker = %(worker)s;

-- name: put_link_words
update exchange.links set words = %(words)s, words_at_ms = %(now_ms)s
where worker = %(worker)s and link_group <> ''
returning worker;

-- name: link_words
select worker, link_group as group, words, words_at_ms as at_ms from exchange.links
where words <> '' order by words_at_ms desc, worker limit 200;

-- name: day_of_job
-- What a job with a daily cap has promised: rewards of everything lent, answered or recorded; and whether a worker holds
-- some of it. A bundle keeps the ids of what was answered, so what is lent is told by its assignments.
with held as (
    select lent.worker, task.reward_minor
    from exchange.bundles bundle
    join exchange.assignments lent
        on lent.job_id = bundle.job_id and lent.task_id = any (bundle.task_ids) and lent.worker = bundle.worker
    join exchange.tasks task on task.job_id = lent.job_id and task.task_id = lent.task_id
    where bundle.job_id = %(job_id)s and lent.state = 'lent'
)
select job.cap_parts, job.chain_id, job.escrow, job.funded_minor, coalesce(offer.reward_minor_median, 0),
       job.reserved_minor
       + coalesce((select sum(book.collected_minor - book.decided_minor) from exchange.earnings book
                   where book.job_id = job.job_id), 0)
       + coalesce((select sum(task.reward_minor) from exchange.uncollected waiting
                   join exchange.tasks task on task.job_id = waiting.job_id and task.task_id = waiting.task_id
                   where waiting.job_id = job.job_id), 0)
       + coalesce((select sum(reward_minor) from held), 0),
       exists (select from held where worker = %(worker)s)
from exchange.jobs job left join exchange.offers offer on offer.job_id = job.job_id
where job.job_id = %(job_id)s;

-- name: capped_under_way
-- Jobs with a daily cap that are not settled, of those asked for, and what was accepted in each.
select job_id, cap_parts, chain_id, escrow, funded_minor, reserved_minor, state in ('recorded', 'assembled') as judged_next
from exchange.jobs
where job_id = any (%(job_ids)s) and cap_parts > 0 and state <> 'settled';
