-- A job from its announcement until its tasks are open: funds, pages, readings, pieces, pictures.

-- name: add_job
insert into exchange.jobs
    (job_id, manifest, routing, title, task_type, currency, simulated, lease_ms, effort_cap_factor, launcher, recording,
     reputation, jury, chain_id, escrow, token, funded_minor, announced_at_ms, requester,
     sensitive, score_least_bp, gold_seed, pool, cap_parts, exponent)
values (%(job_id)s, %(manifest)s, %(routing)s, %(title)s, %(task_type)s, %(currency)s, %(simulated)s, %(lease_ms)s,
        %(effort_cap_factor)s, %(launcher)s, %(recording)s, %(reputation)s, %(jury)s, %(chain_id)s, %(escrow)s,
        %(token)s, %(funded_minor)s, %(now_ms)s, %(requester)s, %(sensitive)s, %(score_least_bp)s,
        %(gold_seed)s, %(pool)s, %(cap_parts)s, %(exponent)s)
on conflict (job_id) do nothing;

-- name: add_funds
insert into exchange.escrow_funds (chain_id, escrow, tx_hash, received_base)
values (%(chain_id)s, %(escrow)s, %(tx_hash)s, %(received_base)s)
on conflict do nothing;

-- name: received_base
select coalesce(sum(received_base), 0) from exchange.escrow_funds
where chain_id = %(chain_id)s and escrow = %(escrow)s;

-- name: announced_with_escrow
select job_id from exchange.jobs where chain_id = %(chain_id)s and escrow = %(escrow)s and state = 'announced';

-- name: running_with_escrow
select job_id from exchange.jobs
where chain_id = %(chain_id)s and escrow = %(escrow)s and state in ('announced', 'reading', 'cutting', 'open');

-- name: add_page
insert into exchange.pages
    (job_id, page_key, doc_id, page_no, kind, blob, width_px, height_px, text_blob, truth_blob,
     asks)
values (%(job_id)s, %(page_key)s, %(doc_id)s, %(page_no)s, %(kind)s, %(blob)s, %(width_px)s,
        %(height_px)s, %(text_blob)s, %(truth_blob)s, %(asks)s)
on conflict do nothing;

-- name: pages_handed
select count(*) from exchange.pages where job_id = %(job_id)s;

-- name: start_reading
update exchange.jobs
set state = %(state)s, pages_total = %(pages)s, pages_unread = %(pages)s, pages_undrawn = %(pages)s
where job_id = %(job_id)s;

-- name: page_keys
select page_key, doc_id, page_no from exchange.pages where job_id = %(job_id)s order by page_key;

-- name: page
select page.job_id, page.page_key, page.doc_id, page.page_no, page.kind, page.blob, page.width_px, page.height_px,
       page.state, page.readings, page.pieces, page.failed, page.text_blob, page.truth_blob, page.asks,
       job.state as job_state
from exchange.pages page join exchange.jobs job on job.job_id = page.job_id
where page.job_id = %(job_id)s and page.doc_id = %(doc_id)s and page.page_no = %(page_no)s;

-- name: pages_of
select page.job_id, page.page_key, page.doc_id, page.page_no, page.kind, page.blob, page.width_px, page.height_px,
       page.state, page.readings, page.pieces, page.failed, page.text_blob, page.truth_blob, page.asks,
       job.state as job_state
from exchange.pages page join exchange.jobs job on job.job_id = page.job_id
where page.job_id = %(job_id)s order by page.page_key;

-- name: store_readings
-- Only the first of several readers of the same page finds it waiting.
update exchange.pages set state = 'read', readings = %(readings)s, failed = %(failed)s
where job_id = %(job_id)s and page_key = %(page_key)s and state = 'waiting'
returning page_key;

-- name: count_read_page
-- The row's lock puts the readers in line: exactly one of them gets 0 back.
update exchange.jobs set pages_unread = pages_unread - 1 where job_id = %(job_id)s returning pages_unread;

-- name: store_pieces
update exchange.pages set state = 'cut', pieces = %(pieces)s, asks = coalesce(%(asks)s, asks)
where job_id = %(job_id)s and page_key = %(page_key)s and state = 'read';

-- name: start_cutting
update exchange.jobs
set state = %(state)s, accepted_unseen = %(accepted_unseen)s, gold_recycle = %(gold_recycle)s
where job_id = %(job_id)s;

-- name: mark_drawn
update exchange.pages set state = 'drawn'
where job_id = %(job_id)s and page_key = %(page_key)s and state = 'cut'
returning page_key;

-- name: count_drawn_page
update exchange.jobs set pages_undrawn = pages_undrawn - 1 where job_id = %(job_id)s returning pages_undrawn;

-- name: add_task
insert into exchange.tasks
    (job_id, task_id, rank, page_key, place, page_share, piece_id, wanted, gold, queue, gold_views, question, effort_ms,
     reward_minor, picture, facts)
values (%(job_id)s, %(task_id)s, %(rank)s, %(page_key)s, %(place)s, %(page_share)s, %(piece_id)s, %(wanted)s, %(gold)s,
        %(queue)s, %(gold_views)s, %(question)s, %(effort_ms)s, %(reward_minor)s, %(picture)s, %(facts)s)
on conflict (job_id, task_id) do nothing;

-- name: facts_held
select facts from exchange.tasks where job_id = %(job_id)s and state = 'held' order by task_id;

-- name: open_tasks
-- Ids are digests, so their order is a shuffle that repeats.
with ranked as (
    select task_id, row_number() over (order by task_id) - 1 as rank
    from exchange.tasks where job_id = %(job_id)s and state = 'held'
)
update exchange.tasks task set state = 'open', rank = ranked.rank
from ranked where task.job_id = %(job_id)s and task.task_id = ranked.task_id;

-- name: open_job
update exchange.jobs
set state = %(state)s, opened_at_ms = %(now_ms)s, tasks_total = waiting.tasks, undecided = waiting.tasks,
    task_batches = %(task_batches)s
-- known pieces in reserve are nobody's work: the job does not wait for them
from (select count(*) filter (where queue <> 2) as tasks from exchange.tasks where job_id = %(job_id)s) waiting
where job_id = %(job_id)s;

-- name: add_offer
insert into exchange.offers (job_id) values (%(job_id)s) on conflict do nothing;

-- name: offers_to_refresh
select offer.job_id from exchange.offers offer join exchange.jobs job on job.job_id = offer.job_id
where job.state = 'open' and offer.refreshed_at_ms <= %(before_ms)s;

-- name: refresh_offer
update exchange.offers offer
set open_tasks = seen.open_tasks, refreshed_at_ms = %(now_ms)s,
    reward_minor_median = coalesce(seen.reward_minor_median, offer.reward_minor_median),
    effort_ms_median = coalesce(seen.effort_ms_median, offer.effort_ms_median)
from (
    select count(*) as open_tasks,
           percentile_disc(0.5) within group (order by reward_minor) as reward_minor_median,
           percentile_disc(0.5) within group (order by effort_ms) as effort_ms_median
    from (
        -- each part as its own index has it
        select reward_minor, effort_ms from exchange.tasks
        where job_id = %(job_id)s and state = 'open' and taken < wanted and queue = 0
        union all
        select reward_minor, effort_ms from exchange.tasks
        where job_id = %(job_id)s and state = 'open' and taken < wanted and queue = 1
    ) free
) seen
where offer.job_id = %(job_id)s;

-- name: set_assembled
update exchange.jobs set state = %(state)s, package_blob = %(package_blob)s, package_hash = %(package_hash)s
where job_id = %(job_id)s;

-- name: set_judged
update exchange.jobs set judged = %(judged)s where job_id = %(job_id)s;

-- name: set_settled
update exchange.jobs
set state = %(state)s, settled = %(settled)s, settled_at_ms = %(now_ms)s,
    package_blob = %(package_blob)s, package_hash = %(package_hash)s
where job_id = %(job_id)s;

-- name: put_paid
insert into exchange.earnings as book (job_id, worker, bonus_minor, top_up_minor, learning_minor, paid_minor)
select %(job_id)s, one.worker, one.bonus_minor, one.top_up_minor, one.learning_minor, one.paid_minor
from unnest(%(workers)s::text[], %(bonus_minor)s::bigint[], %(top_up_minor)s::bigint[], %(learning_minor)s::bigint[],
            %(paid_minor)s::bigint[]) as one (worker, bonus_minor, top_up_minor, learning_minor, paid_minor)
on conflict (job_id, worker) do update
set bonus_minor = excluded.bonus_minor, top_up_minor = excluded.top_up_minor,
    learning_minor = excluded.learning_minor, paid_minor = excluded.paid_minor;

-- name: decided_tasks
-- The final word on each piece that people saw.
select piece_id, task_id, state, value, confidence_bp, support, because, decided_batch, gold
from exchange.tasks where job_id = %(job_id)s;

-- name: pieces_shown
-- Who was shown what: lent is seen, answered or not.
select distinct held.worker, task.piece_id
from exchange.assignments held
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where held.job_id = %(job_id)s
order by held.worker, task.piece_id;

-- name: answers_of_pieces
select task.piece_id, task.task_id, held.answer_text
from exchange.assignments held
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where held.job_id = %(job_id)s and held.state = 'answered'
order by held.received_at_ms, held.worker;
