-- What workers, requesters and the public are shown.

-- name: offers
-- Open jobs of the worker's own crowd; those of a work pool to its members alone, with the pool's name. Also a job all of
-- whose tasks are lent, to who holds some of them: a claim whose answer was lost on the way is taken up again from here.
select job.job_id, job.title, job.task_type, job.manifest, greatest(offer.open_tasks, own.held) as open_tasks,
       offer.reward_minor_median,
       offer.effort_ms_median, offer.active_ms_sample, job.simulated,
       coalesce(pool.name, '') as pool_name
from exchange.offers offer
join exchange.jobs job on job.job_id = offer.job_id
join exchange.accounts account on account.worker = %(worker)s and account.simulated = job.simulated
left join exchange.pool_members member
    on member.pool = job.pool and member.worker = account.worker and member.ended_at_ms is null
left join exchange.accounts pool on pool.worker = member.pool
cross join lateral (
    select count(*)::integer as held
    from exchange.bundles bundle
    join exchange.assignments lent
        on lent.job_id = bundle.job_id and lent.task_id = any (bundle.task_ids) and lent.worker = bundle.worker
    where bundle.job_id = job.job_id and bundle.worker = account.worker and bundle.lease_until_ms > %(now_ms)s
      and lent.state = 'lent'
) own
where job.state = 'open' and (offer.open_tasks > 0 or own.held > 0) and (job.pool = '' or member.worker is not null)
order by job.opened_at_ms, job.job_id;

-- name: earnings
select book.job_id, job.title, job.currency, job.settled, book.answers, book.accepted, book.refused,
       book.collected_minor, book.decided_minor, book.earned_minor, book.credited_ms, book.bonus_minor,
       book.top_up_minor, book.paid_minor, book.because, job.chain_id, book.restored_minor, book.learning_minor, job.exponent
from exchange.earnings book join exchange.jobs job on job.job_id = book.job_id
where book.worker = %(worker)s
order by job.announced_at_ms desc, book.job_id;

-- name: waiting_of
-- Answers that are received and not yet sent on.
select waiting.job_id, job.title, job.currency, job.chain_id, count(*) as answers,
       sum(task.reward_minor)::bigint as reward_minor, job.exponent
from exchange.uncollected waiting
join exchange.jobs job on job.job_id = waiting.job_id
join exchange.tasks task on task.job_id = waiting.job_id and task.task_id = waiting.task_id
where waiting.worker = %(worker)s
group by waiting.job_id, job.title, job.currency, job.chain_id, job.exponent;

-- name: refusals_of
select job_id, code, because, count(*) from exchange.assignments
where job_id = any(%(job_ids)s) and worker = %(worker)s and outcome = 'refused'
group by job_id, code, because order by job_id, code;

-- name: batches_with
-- Evidence files that hold answers of the worker.
select batch.evidence_blob from exchange.batches batch
where batch.job_id = %(job_id)s and batch.batch_no in (
    select distinct held.batch_no from exchange.assignments held
    where held.job_id = %(job_id)s and held.worker = %(worker)s and held.outcome is not null)
order by batch.batch_no;

-- name: job_place
select chain_id, escrow, currency, exponent from exchange.jobs where job_id = %(job_id)s;

-- name: progress
select job.job_id, job.title, job.state, job.task_type, job.simulated, job.currency, job.chain_id, job.escrow,
       job.funded_minor, job.reserved_minor, job.pages_total, job.pages_unread, job.pages_undrawn, job.accepted_unseen,
       job.tasks_total, job.undecided, job.answer_batches, job.recorded_batches, job.announced_at_ms, job.opened_at_ms,
       job.recorded_at_ms, job.settled_at_ms, job.package_blob, job.package_hash, job.judged, job.settled,
       (select count(distinct doc_id) from exchange.pages where job_id = job.job_id) as documents
from exchange.jobs job where job.job_id = %(job_id)s;

-- name: tasks_by_state
-- Known pieces in reserve are no work: nobody waits for them.
select state, count(*) from exchange.tasks where job_id = %(job_id)s and queue <> 2 group by state;

-- name: work_done
select count(*) filter (where state = 'answered') as answers,
       count(distinct worker) filter (where state = 'answered') as workers,
       count(*) filter (where state = 'lent') as lent
from exchange.assignments where job_id = %(job_id)s;

-- name: out_of_reach
-- Open tasks that nobody who came so far may take: each of them had the task, or has seen what the privacy level allows
-- of its page; and how many people came. Before anybody came everything is within reach of whoever will. Only worth
-- asking while nothing is lent; at most 1,000 tasks are looked at.
with waiting as materialized (
    select task_id, page_key, place, page_share from exchange.tasks
    where job_id = %(job_id)s and state = 'open' and taken < wanted and queue <> 2
    order by rank limit 1000
), came as materialized (
    select worker from exchange.bundles where job_id = %(job_id)s
)
select count(*) filter (where exists (select from came) and not exists (
           select from came
           where not exists (
               select from exchange.assignments had
               where had.job_id = %(job_id)s and had.task_id = waiting.task_id and had.worker = came.worker)
             and (waiting.page_share is null or (
               waiting.page_share > (
                   select count(*) from exchange.assignments had
                   where had.job_id = %(job_id)s and had.worker = came.worker and had.page_key = waiting.page_key)
               and not exists (
                   select from exchange.assignments had
                   where had.job_id = %(job_id)s and had.worker = came.worker and had.page_key = waiting.page_key
                     and had.place between waiting.place - 1 and waiting.place + 1))))) as out_of_reach,
       (select count(*) from came) as people
from waiting;

-- name: anchors
select batch_no, root, answers, reserved_minor, evidence_blob, recorded_at_ms
from exchange.batches where job_id = %(job_id)s order by batch_no;

-- name: job_ids
select job_id from exchange.jobs order by announced_at_ms desc, job_id;

-- name: tasks_with_pieces
select task_id, piece_id, page_key from exchange.tasks where job_id = %(job_id)s;

-- name: announced_and_funded
-- A base unit is never more than a minor one, so this leaves nobody out; whether it is enough is asked of each.
select job.job_id from exchange.jobs job
where job.state = 'announced' and exists (select from exchange.pages where job_id = job.job_id)
  and job.funded_minor <= (
      select sum(received_base) from exchange.escrow_funds where chain_id = job.chain_id and escrow = job.escrow);
