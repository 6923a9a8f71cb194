-- Answers to the recording oracle in batches, its verdicts back into the tables. Everything here holds the job's row.

-- name: lock_job
-- Whoever changes a job's stage, its counters or its batches waits here.
select job_id, state, manifest, routing, simulated, launcher, recording, reputation, jury, chain_id, escrow,
       funded_minor, pages_total, pages_unread, pages_undrawn, tasks_total, undecided, task_batches, answer_batches,
       recorded_batches, effort_cap_factor, rounds
from exchange.jobs where job_id = %(job_id)s for update;

-- name: set_rounds
update exchange.jobs set rounds = %(rounds)s where job_id = %(job_id)s;

-- name: set_asks
update exchange.pages set asks = %(asks)s where job_id = %(job_id)s and page_key = %(page_key)s;

-- name: rounds_of
select rounds, manifest, gold_seed from exchange.jobs where job_id = %(job_id)s and state = 'open';

-- name: add_task_again
insert into exchange.tasks
    (job_id, task_id, rank, page_key, place, page_share, piece_id, wanted, gold, queue, gold_views, question, effort_ms,
     reward_minor, picture, facts, state, because)
values (%(job_id)s, %(task_id)s, %(rank)s, %(page_key)s, %(place)s, %(page_share)s, %(piece_id)s, %(wanted)s,
        %(gold)s, %(queue)s, %(gold_views)s, %(question)s, %(effort_ms)s, %(reward_minor)s, %(picture)s, %(facts)s, 'open', %(because)s)
on conflict (job_id, task_id) do nothing;

-- name: count_tasks_again
update exchange.jobs set tasks_total = tasks_total + %(tasks)s, undecided = undecided + %(tasks)s,
       task_batches = task_batches + %(batches)s
where job_id = %(job_id)s;

-- name: plan_by_key
-- For the rest of the transaction, whatever sizes the planner believes in: the rows of a batch are fetched by their
-- keys (each query names them in an `= any (...)`, which an index takes) and then joined by hashing. A batch is a
-- thousand rows of tables that may hold millions.
select set_config(name, 'off', true)
from unnest(array['enable_seqscan', 'enable_bitmapscan', 'enable_nestloop', 'enable_mergejoin']) as setting (name);

-- name: jobs_with_answers
select distinct job_id from exchange.uncollected;

-- name: collect
-- Takes the oldest answers out of the waiting list and gives them the number of their batch.
with oldest as materialized (
    select answer_no from exchange.uncollected
    where job_id = %(job_id)s order by answer_no limit %(most)s
), taken as (
    delete from exchange.uncollected waiting
    where waiting.job_id = %(job_id)s and waiting.answer_no = any (array(select answer_no from oldest))
    returning waiting.answer_no, waiting.task_id, waiting.worker
), marked as (
    update exchange.assignments held set batch_no = %(batch_no)s
    from taken
    where held.job_id = %(job_id)s and held.task_id = taken.task_id and held.worker = taken.worker
      and held.task_id = any (array(select task_id from taken))
    returning taken.answer_no, held.task_id, held.worker, held.answer_text, held.active_ms, held.received_at_ms
), priced as materialized (
    select task_id, reward_minor, effort_ms from exchange.tasks
    where job_id = %(job_id)s and task_id = any (array(select task_id from marked))
), summed as (
    insert into exchange.earnings as book (job_id, worker, answers, collected_minor)
    select %(job_id)s, marked.worker, count(*), sum(priced.reward_minor)
    from marked join priced on priced.task_id = marked.task_id
    group by marked.worker
    on conflict (job_id, worker) do update
    set answers = book.answers + excluded.answers, collected_minor = book.collected_minor + excluded.collected_minor
), by_hour as (
    insert into exchange.worked as book (worker, hour_ms, currency, answers, active_ms, offered_minor)
    select marked.worker, marked.received_at_ms / 3600000 * 3600000, %(currency)s, count(*),
           sum(least(marked.active_ms, %(effort_cap_factor)s * priced.effort_ms)), sum(priced.reward_minor)
    from marked join priced on priced.task_id = marked.task_id
    group by 1, 2
    on conflict (worker, hour_ms, currency) do update
    set answers = book.answers + excluded.answers, active_ms = book.active_ms + excluded.active_ms,
        offered_minor = book.offered_minor + excluded.offered_minor
)
select marked.task_id, marked.worker, marked.answer_text,
       -- one answer is credited up to so many times its median effort
       least(marked.active_ms, %(effort_cap_factor)s * priced.effort_ms) as active_ms, marked.received_at_ms
from marked join priced on priced.task_id = marked.task_id
order by marked.answer_no;

-- name: count_answer_batch
update exchange.jobs set answer_batches = %(batch_no)s where job_id = %(job_id)s;

-- name: store_outcomes
-- What each answer of a batch earned, and the sums of it in the workers' books. Returns how many answers were ours:
-- sent, not decided before, with this very text.
with given as materialized (
    select * from unnest(%(task_ids)s::text[], %(workers)s::text[], %(texts)s::text[], %(earned_minor)s::bigint[],
                         %(codes)s::text[], %(becauses)s::text[])
        as one (task_id, worker, answer_text, earned_minor, code, because)
), decided as (
    update exchange.assignments held
    set outcome = case when given.code is null then 'accepted' else 'refused' end, earned_minor = given.earned_minor,
        code = given.code, because = given.because
    from given
    where held.job_id = %(job_id)s and held.task_id = given.task_id and held.worker = given.worker
      and held.task_id = any (%(task_ids)s)
      and held.batch_no is not null and held.outcome is null and held.answer_text is not distinct from given.answer_text
    returning held.worker, held.task_id, held.active_ms, held.outcome, held.earned_minor
), priced as materialized (
    select task_id, reward_minor, effort_ms from exchange.tasks
    where job_id = %(job_id)s and task_id = any (%(task_ids)s)
), summed as (
    select decided.worker, count(*) filter (where decided.outcome = 'accepted') as accepted,
           count(*) filter (where decided.outcome = 'refused') as refused,
           sum(priced.reward_minor) as decided_minor, sum(decided.earned_minor) as earned_minor,
           coalesce(sum(least(decided.active_ms, %(effort_cap_factor)s * priced.effort_ms))
                    filter (where decided.outcome = 'accepted'), 0) as credited_ms
    from decided join priced on priced.task_id = decided.task_id
    group by decided.worker
), booked as (
    update exchange.earnings book
    set accepted = book.accepted + summed.accepted, refused = book.refused + summed.refused,
        decided_minor = book.decided_minor + summed.decided_minor,
        earned_minor = book.earned_minor + summed.earned_minor, credited_ms = book.credited_ms + summed.credited_ms
    from summed
    where book.job_id = %(job_id)s and book.worker = summed.worker and book.worker = any (%(workers)s)
)
select count(*) from decided;

-- name: settle_tasks
-- Final verdicts. On a frozen task the verdict is kept until the jury has ruled. Returns how many became final.
with given as materialized (
    select * from unnest(%(task_ids)s::text[], %(states)s::text[], %(texts)s::text[], %(confidence_bp)s::integer[],
                         %(support)s::integer[], %(becauses)s::text[])
        as one (task_id, state, value, confidence_bp, support, because)
), settled as (
    update exchange.tasks task
    set state = case task.state when 'open' then given.state else task.state end, value = given.value,
        confidence_bp = given.confidence_bp, support = given.support, because = given.because,
        decided_batch = %(batch_no)s
    from given
    where task.job_id = %(job_id)s and task.task_id = given.task_id and task.state in ('open', 'frozen')
      and task.task_id = any (%(task_ids)s)
    returning old.state as was, task.queue
)
select count(*) filter (where was = 'open' and queue <> 2) from settled;

-- name: recycle_gold
-- Settled work of this batch that is surest is lent once more, as gold, while there is room for it. The job's row is
-- locked by the caller.
with room as (
    select gold_recycle from exchange.jobs where job_id = %(job_id)s and gold_recycle > 0
), chosen as materialized (
    select task.task_id from exchange.tasks task
    where task.job_id = %(job_id)s and task.task_id = any (%(task_ids)s) and task.state = 'accepted'
      and task.decided_batch = %(batch_no)s and not task.gold and task.gold_views = 0
      and task.confidence_bp >= case when task.place >= %(asks_from)s then %(choice_least_bp)s
                                     else %(confidence_least_bp)s end
      -- of a choice, what nobody who was lent it said otherwise
      and (task.place < %(asks_from)s or task.support >= task.taken)
      and task.support >= 2 and task.taken < %(answers_most)s
    order by task.rank
    limit coalesce((select gold_recycle from room), 0)
), marked as (
    update exchange.tasks task set gold_views = 1
    where task.job_id = %(job_id)s and task.task_id = any (array(select task_id from chosen))
)
update exchange.jobs set gold_recycle = gold_recycle - (select count(*) from chosen)
where job_id = %(job_id)s and exists (select from chosen);

-- name: suspend_gold
-- What reliable people contradict measures nobody any more.
update exchange.tasks set gold_views = 0
where job_id = %(job_id)s and task_id = any (%(task_ids)s) and gold_views > 0;

-- name: put_needs
-- What the recording oracle says of the workers of a batch, and what half of the job's workers have shown.
with given as (
    select * from unnest(%(workers)s::text[], %(skills_bp)s::integer[], %(golds_bp)s::integer[])
        as one (worker, skill_bp, gold_share_bp)
)
update exchange.bundles bundle set skill_bp = given.skill_bp, gold_share_bp = given.gold_share_bp
from given
where bundle.job_id = %(job_id)s and bundle.worker = given.worker and bundle.worker = any (%(workers)s);

-- name: put_proven
update exchange.jobs
set proven_bp = coalesce((
    select percentile_disc(0.5) within group (order by skill_bp) from exchange.bundles
    where job_id = %(job_id)s and claims > 0), 0)
where job_id = %(job_id)s;

-- name: ask_more
-- Where people differ, the proven are asked first. Known pieces on which they differ become work: somebody has to settle
-- them, and they measure nobody until then. Returns how many of those there are.
with asked as (
    update exchange.tasks task
    set wanted = greatest(task.wanted, given.wanted), because = given.because, gold_views = 0,
        queue = case when given.disputed or task.queue = 2 then 1 else task.queue end
    from unnest(%(task_ids)s::text[], %(wanted)s::integer[], %(becauses)s::text[], %(disputed)s::boolean[])
        as given (task_id, wanted, because, disputed)
    where task.job_id = %(job_id)s and task.task_id = given.task_id and task.state in ('open', 'frozen')
      and task.task_id = any (%(task_ids)s)
    returning old.queue as was
)
select count(*) filter (where was = 2) from asked;

-- name: add_batch
insert into exchange.batches (job_id, batch_no, root, evidence_blob, answers, reserved_minor, recorded_at_ms)
values (%(job_id)s, %(batch_no)s, %(root)s, %(evidence_blob)s, %(answers)s, %(reserved_minor)s, %(now_ms)s);

-- name: count_recorded_batch
update exchange.jobs
set recorded_batches = %(batch_no)s, reserved_minor = reserved_minor + %(reserved_minor)s,
    undecided = undecided - %(settled)s
where job_id = %(job_id)s;

-- name: jobs_maybe_finished
select job_id from exchange.jobs where state in ('open', 'cancelling') and undecided = 0;

-- name: work_is_out
-- Whether anybody still holds a task or an answer waits to be sent.
select exists (select from exchange.uncollected where job_id = %(job_id)s)
    or exists (
        select from exchange.bundles bundle
        cross join lateral unnest(bundle.task_ids) as one (task_id)
        join exchange.assignments held on held.job_id = bundle.job_id and held.task_id = one.task_id
                                      and held.worker = bundle.worker
        where bundle.job_id = %(job_id)s and held.state = 'lent');

-- name: count_undecided_less
update exchange.jobs set undecided = undecided - %(count)s where job_id = %(job_id)s;

-- name: set_state
update exchange.jobs set state = %(state)s where job_id = %(job_id)s;

-- name: count_task_batch
update exchange.jobs set task_batches = %(batch_no)s where job_id = %(job_id)s;

-- name: set_recorded
update exchange.jobs set state = %(state)s, recorded_at_ms = %(now_ms)s where job_id = %(job_id)s;

-- name: set_cancelling
update exchange.jobs set state = %(state)s, cancel_because = %(because)s where job_id = %(job_id)s;

-- name: withdraw_all
-- Nobody is asked any more.
update exchange.tasks set state = 'withdrawn', gold_views = 0
where job_id = %(job_id)s and state in ('held', 'open')
returning task_id, queue;

-- name: withdraw_reserve
-- Known pieces by which nobody had to be measured.
update exchange.tasks set state = 'withdrawn', gold_views = 0, because = %(because)s
where job_id = %(job_id)s and state = 'open' and queue = 2
returning task_id;

-- name: sample_of
select active_ms_sample from exchange.offers where job_id = %(job_id)s for update;

-- name: put_sample
update exchange.offers set active_ms_sample = %(sample)s::integer[] where job_id = %(job_id)s;
