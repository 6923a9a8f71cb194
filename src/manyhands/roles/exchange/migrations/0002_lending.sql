-- The hot path as functions: each is one statement, and each fixes how it is planned.
--
-- The planner guesses from the sizes tables had when they were last analysed. At a job's start that was "empty", and a
-- statement that reads a table of 50 rows from end to end is still doing so when it has 100,000 a minute later
-- (measured: 400 ms a claim instead of 2). Every row here is reached by a key, whatever the sizes: other ways are off,
-- and where rows of one list are looked for in a table, the list is also given as `= any (...)`, which an index takes.
-- As there is one way only, it is planned once per connection: planning each time would cost more than running it.
-- READ COMMITTED is assumed: an update that waited for a row looks at the row's newest version before it acts.

-- Lends a worker up to `at_most` tasks of a job, or gives the unfinished bundle back when there is one.
--
-- mine      locks the worker's row: two claims of one worker follow each other
-- fresh     is empty when another claim of this worker committed after this statement began looking: then the rest of
--           the statement sees old rows, does nothing, and is asked again (status 'again')
-- unfinished  what the worker still holds; past its lease it is 'overdue', to be freed first
-- candidates  tasks to lend in random order from the worker's cursor on, without those the worker ever had, and as
--             the privacy level allows: of a page at most `page_share` pieces, no neighbours
-- locked    `for update skip locked` under `limit`: tasks in other hands are passed by, not waited for
--
-- One row per assignment; without any, one row that says why in `status`.
create function exchange.claim(for_job text, for_worker text, at_most integer, now_ms bigint)
returns table (status text, task_id text, question text, effort_ms integer, reward_minor bigint, picture text,
               lease_until_ms bigint, rank integer)
language sql volatile
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
    with mine as materialized (
        select claims, cursor_rank, task_ids, lease_until_ms from exchange.bundles
        where job_id = for_job and worker = for_worker
        for update
    ), before as materialized (
        select claims from exchange.bundles where job_id = for_job and worker = for_worker
    ), fresh as materialized (
        select mine.task_ids, mine.cursor_rank, job.lease_ms
        from mine
        join before on before.claims = mine.claims
        join exchange.jobs job on job.job_id = for_job and job.state = 'open'
    ), unfinished as materialized (
        select held.task_id, held.lease_until_ms
        from exchange.assignments held
        where held.job_id = for_job and held.task_id = any (array(select unnest(task_ids) from fresh))
          and held.worker = for_worker and held.state = 'lent'
    ), candidates as materialized (
        select free.task_id, free.rank, free.page_key, free.page_share, free.from_start
        from fresh
        cross join lateral (
            select task.task_id, task.rank, task.page_key, task.page_share, task.from_start
            from (
                -- from the cursor to the end; only when that is not enough, again from the start
                (select queued.*, false as from_start
                 from exchange.tasks queued
                 where queued.job_id = for_job and queued.state = 'open' and queued.taken < queued.wanted
                   and queued.rank > fresh.cursor_rank
                 order by queued.rank)
                union all
                (select queued.*, true as from_start
                 from exchange.tasks queued
                 where queued.job_id = for_job and queued.state = 'open' and queued.taken < queued.wanted
                   and queued.rank <= fresh.cursor_rank
                 order by queued.rank)
            ) task
            where not exists (
                select from exchange.assignments had
                where had.job_id = for_job and had.task_id = task.task_id and had.worker = for_worker
                offset 0)  -- looked up task by task, never joined
              and (task.page_share is null or (
                task.page_share > (
                    select count(*) from exchange.assignments had
                    where had.job_id = for_job and had.worker = for_worker and had.page_key = task.page_key)
                and not exists (
                    select from exchange.assignments had
                    where had.job_id = for_job and had.worker = for_worker and had.page_key = task.page_key
                      and had.place between task.place - 1 and task.place + 1
                    offset 0)))
            limit 20 + 3 * at_most
        ) free
        where not exists (select from unfinished)
    ), apart as materialized (
        -- under a privacy level, one bundle holds one piece of a page
        select task_id, rank, page_share, from_start,
               row_number() over (partition by page_key order by from_start, rank) as nth_of_page
        from candidates
        order by from_start, rank
    ), locked as materialized (
        select now_free.*, apart.from_start
        from apart
        cross join lateral (
            -- looked at again as it is now, and locked, one after the other until there are enough
            select task.task_id, task.rank, case when task.page_share is not null then task.page_key end as page_key,
                   task.place, task.question, task.effort_ms, task.reward_minor, task.picture
            from exchange.tasks task
            where task.job_id = for_job and task.task_id = apart.task_id
              and task.state = 'open' and task.wanted - task.taken > 0
            for update skip locked
        ) now_free
        where apart.page_share is null or apart.nth_of_page = 1
        limit at_most
    ), lent as (
        insert into exchange.assignments (job_id, task_id, worker, page_key, place, lent_at_ms, lease_until_ms)
        select for_job, locked.task_id, for_worker, locked.page_key, locked.place, now_ms, now_ms + fresh.lease_ms
        from locked, fresh
    ), counted as (
        update exchange.tasks task set taken = task.taken + 1
        from locked
        where task.job_id = for_job and task.task_id = locked.task_id
          and task.task_id = any (array(select task_id from locked))
    ), noted as (
        update exchange.bundles bundle
        set claims = bundle.claims + 1, lease_until_ms = now_ms + fresh.lease_ms, task_ids = taken.task_ids,
            cursor_rank = taken.last_rank
        from fresh, (
            select array_agg(task_id) as task_ids,
                   (array_agg(rank order by from_start desc, rank desc))[1] as last_rank
            from locked
        ) taken
        where bundle.job_id = for_job and bundle.worker = for_worker and taken.last_rank is not null
    ), answer as (
        select 'lent' as status, locked.task_id, locked.question, locked.effort_ms, locked.reward_minor, locked.picture,
               now_ms + fresh.lease_ms as lease_until_ms, locked.rank
        from locked, fresh
        union all
        select case when unfinished.lease_until_ms > now_ms then 'held' else 'overdue' end,
               task.task_id, task.question, task.effort_ms, task.reward_minor, task.picture,
               unfinished.lease_until_ms, task.rank
        from unfinished
        join exchange.tasks task on task.job_id = for_job and task.task_id = unfinished.task_id
                                and task.task_id = any (array(select task_id from unfinished))
    )
    select status, task_id, question, effort_ms, reward_minor, picture, lease_until_ms, rank from answer
    union all
    select case
               when not exists (select from mine) then 'stranger'
               when not exists (select from exchange.jobs where job_id = for_job and state = 'open') then 'closed'
               when not exists (select from fresh) then 'again'
               when exists (select from candidates) then 'busy'
               else 'none'
           end,
           null, null, null, null, null, null, null
    where not exists (select from answer)
    order by rank;
$$;

-- Stores answers of one worker to one job. An answer in a lease is always taken; one after its lease while its task is
-- open. One row per answer given: was = state before this statement when it stored the answer, else null; then the
-- other columns say what is there.
create function exchange.submit(for_job text, for_worker text, given_tasks text[], given_texts text[],
                                given_active_ms integer[], now_ms bigint)
returns table (task_id text, was text, lease_until_ms bigint, state text, answer_text text, task_state text,
               job_state text)
language sql volatile
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
    with given as materialized (
        select * from unnest(given_tasks::text[], given_texts::text[], given_active_ms::integer[])
            as one (task_id, answer_text, active_ms)
    ), stored as (
        update exchange.assignments held
        set state = 'answered', answer_text = given.answer_text, received_at_ms = now_ms,
            -- nobody works longer than the clock on the wall; people who are simulated have no wall
            active_ms = case when job.simulated then greatest(given.active_ms, 0)
                             else least(greatest(given.active_ms, 0), greatest(now_ms - held.lent_at_ms, 0)) end
        from given, exchange.jobs job
        where held.job_id = for_job and held.task_id = given.task_id and held.worker = for_worker
          and held.task_id = any (given_tasks)
          and job.job_id = for_job and job.state in ('open', 'cancelling')
          and (held.state = 'lent' or (held.state = 'expired' and exists (
              select from exchange.tasks task
              where task.job_id = for_job and task.task_id = held.task_id and task.state = 'open')))
        returning held.task_id, old.state as was, held.lease_until_ms
    ), waiting as (
        insert into exchange.uncollected (job_id, task_id, worker)
        select for_job, stored.task_id, for_worker from stored
    ), counted as (
        -- a late answer was given up by its lease: it counts again
        update exchange.tasks task set taken = task.taken + 1
        from stored
        where task.job_id = for_job and task.task_id = stored.task_id and stored.was = 'expired'
          and task.task_id = any (array(select task_id from stored where was = 'expired'))
    )
    select given.task_id, stored.was, coalesce(stored.lease_until_ms, held.lease_until_ms) as lease_until_ms,
           held.state, held.answer_text, task.state as task_state, job.state as job_state
    from given
    left join stored on stored.task_id = given.task_id
    left join exchange.assignments held
        on held.job_id = for_job and held.task_id = given.task_id and held.worker = for_worker
        and held.task_id = any (given_tasks)
    left join exchange.tasks task
        on task.job_id = for_job and task.task_id = held.task_id and task.task_id = any (given_tasks)
    left join exchange.jobs job on job.job_id = for_job;
$$;

-- The worker returns tasks unanswered; others may have them at once.
create function exchange.give_back(for_job text, for_worker text, given_tasks text[]) returns bigint
language sql volatile
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
    with given as (
        update exchange.assignments held set state = 'returned'
        where held.job_id = for_job and held.task_id = any (given_tasks) and held.worker = for_worker
          and held.state = 'lent'
        returning held.task_id
    ), counted as (
        update exchange.tasks task set taken = task.taken - 1
        from given
        where task.job_id = for_job and task.task_id = given.task_id and task.task_id = any (given_tasks)
    )
    select count(*) from given;
$$;

-- Frees what outlived its lease, some bundles at a time. `skip locked` passes bundles by that are being claimed.
create function exchange.expire(for_job text, at_most integer, now_ms bigint, out bundles bigint, out tasks bigint)
language sql volatile
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
    with due as materialized (
        select job_id, worker, task_ids from exchange.bundles
        where lease_until_ms <= now_ms and (for_job is null or job_id = for_job)
        order by lease_until_ms
        limit at_most
        for update skip locked
    ), freed as (
        update exchange.assignments held set state = 'expired'
        from due
        where held.job_id = due.job_id and held.worker = due.worker and held.task_id = any (due.task_ids)
          and held.job_id = any (array(select job_id from due))
          and held.task_id = any (array(select unnest(task_ids) from due))
          and held.state = 'lent'
        returning held.job_id, held.task_id
    ), counted as (
        update exchange.tasks task set taken = task.taken - given_up.leases
        from (select job_id, task_id, count(*) as leases from freed group by job_id, task_id) given_up
        where task.job_id = given_up.job_id and task.task_id = given_up.task_id
          and task.job_id = any (array(select job_id from freed))
          and task.task_id = any (array(select task_id from freed))
    ), emptied as (
        update exchange.bundles bundle set lease_until_ms = null, task_ids = '{}'
        from due where bundle.job_id = due.job_id and bundle.worker = due.worker
        returning bundle.worker
    )
    select (select count(*) from due) as bundles, (select count(*) from freed) as tasks;
$$;
