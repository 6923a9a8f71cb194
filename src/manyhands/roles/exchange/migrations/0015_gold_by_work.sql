-- Gold follows the work that is found, not the work that was asked for: who asks for twenty pieces and finds two was given
-- the known pieces of twenty, which is measuring without work. Known pieces that are not lent after all keep no work from being
-- lent: of a page's pieces the first is chosen among the work alone. The rest of `claim` is as in 0010.
--
-- measured   gold_count: how many of the bundle are gold, the share of the work that can be lent, rounded up or down by the
--            same draw; size: who is doubted gets no work beside it, however little there is
drop function exchange.claim(text, text, integer, bigint);
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
        select claims, cursor_rank, task_ids, lease_until_ms, skill_bp, gold_share_bp from exchange.bundles
        where job_id = for_job and worker = for_worker
        for update
    ), before as materialized (
        select claims from exchange.bundles where job_id = for_job and worker = for_worker
    ), fresh as materialized (
        select mine.task_ids, mine.cursor_rank, job.lease_ms, mine.skill_bp >= job.proven_bp as proven,
               mine.gold_share_bp,
               abs(hashtextextended(for_worker || mine.claims, job.gold_seed) % 10000) as draw,
               array(select other.worker
                     from exchange.links own
                     join exchange.links other on other.link_group = own.link_group and other.link_group <> ''
                     where own.worker = for_worker and own.link_group <> '') || for_worker as kin
        from mine
        join before on before.claims = mine.claims
        join exchange.jobs job on job.job_id = for_job and job.state = 'open'
    ), unfinished as materialized (
        select held.task_id, held.lease_until_ms
        from exchange.assignments held
        where held.job_id = for_job and held.task_id = any (array(select unnest(task_ids) from fresh))
          and held.worker = for_worker and held.state = 'lent'
    ), candidates as materialized (
        select free.task_id, free.rank, free.page_key, free.page_share, free.source
        from fresh
        cross join lateral (
            select task.task_id, task.rank, task.page_key, task.page_share, task.source
            from (
                (select queued.*, 0 as source
                 from exchange.tasks queued
                 where fresh.proven and queued.job_id = for_job
                   and queued.state = 'open' and queued.taken < queued.wanted and queued.queue = 1
                 order by queued.rank)
                union all
                (select queued.*, 1 as source
                 from exchange.tasks queued
                 where queued.job_id = for_job
                   and queued.state = 'open' and queued.taken < queued.wanted and queued.queue = 0
                   and queued.rank > fresh.cursor_rank
                 order by queued.rank)
                union all
                (select queued.*, 2 as source
                 from exchange.tasks queued
                 where queued.job_id = for_job
                   and queued.state = 'open' and queued.taken < queued.wanted and queued.queue = 0
                   and queued.rank <= fresh.cursor_rank
                 order by queued.rank)
                union all
                (select queued.*, 3 as source
                 from exchange.tasks queued
                 where not fresh.proven and queued.job_id = for_job
                   and queued.state = 'open' and queued.taken < queued.wanted and queued.queue = 1
                 order by queued.rank)
            ) task
            where not exists (
                select from exchange.assignments had
                where had.job_id = for_job and had.task_id = task.task_id and had.worker = any (fresh.kin)
                offset 0)  -- looked up task by task, never joined
              and (task.page_share is null or (
                task.page_share > (
                    select count(*) from exchange.assignments had
                    where had.job_id = for_job and had.worker = any (fresh.kin) and had.page_key = task.page_key)
                and not exists (
                    select from exchange.assignments had
                    where had.job_id = for_job and had.worker = any (fresh.kin) and had.page_key = task.page_key
                      and had.place between task.place - 1 and task.place + 1
                    offset 0)))
            limit 20 + 3 * at_most
        ) free
        where not exists (select from unfinished)
    ), known as materialized (
        select free.task_id, free.rank, free.page_key, free.page_share, -1 as source
        from fresh
        cross join lateral (
            select task.task_id, task.rank, task.page_key, task.page_share
            from (
                (select gold.* from exchange.tasks gold
                 where gold.job_id = for_job and gold.gold_views > 0 and gold.state in ('open', 'accepted')
                   and gold.rank > fresh.cursor_rank
                 order by gold.rank)
                union all
                (select gold.* from exchange.tasks gold
                 where gold.job_id = for_job and gold.gold_views > 0 and gold.state in ('open', 'accepted')
                   and gold.rank <= fresh.cursor_rank
                 order by gold.rank)
            ) task
            where not exists (
                select from exchange.assignments had
                where had.job_id = for_job and had.task_id = task.task_id and had.worker = any (fresh.kin)
                offset 0)
              and (task.page_share is null or (
                task.page_share > (
                    select count(*) from exchange.assignments had
                    where had.job_id = for_job and had.worker = any (fresh.kin) and had.page_key = task.page_key)
                and not exists (
                    select from exchange.assignments had
                    where had.job_id = for_job and had.worker = any (fresh.kin) and had.page_key = task.page_key
                      and had.place between task.place - 1 and task.place + 1
                    offset 0)))
            limit 2 * ((at_most * fresh.gold_share_bp + fresh.draw) / 10000)
        ) free
        where fresh.gold_share_bp > 0 and exists (select from candidates)
    ), measured as materialized (
        select (found.pieces * fresh.gold_share_bp + fresh.draw) / 10000 as gold_count,
               case when fresh.gold_share_bp < 10000 then at_most else found.pieces end as size
        from fresh, (
            -- under a privacy level, one bundle holds one piece of a page
            select least(at_most, count(*) filter (where page_share is null)
                                  + count(distinct page_key) filter (where page_share is not null)) as pieces
            from candidates
        ) found
        where fresh.gold_share_bp > 0
    ), gold as materialized (
        select now_free.*, -1 as source
        from (
            select task_id, rank, page_share, row_number() over (partition by page_key order by rank) as nth_of_page
            from known
            order by rank
        ) apart
        cross join lateral (
            select task.task_id, task.rank, case when task.page_share is not null then task.page_key end as page_key,
                   task.place, task.question, task.effort_ms, task.reward_minor, task.picture
            from exchange.tasks task
            where task.job_id = for_job and task.task_id = apart.task_id
              and task.gold_views > 0 and task.state in ('open', 'accepted')
            for update skip locked
        ) now_free
        where apart.page_share is null or apart.nth_of_page = 1
        limit (select gold_count from measured)
    ), work as materialized (
        select now_free.*, apart.source
        from (
            select task_id, rank, page_share, source,
                   row_number() over (partition by page_key order by source, rank) as nth_of_page
            from candidates
            where not exists (select from gold where gold.page_key = candidates.page_key)
            order by source, rank
        ) apart
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
        limit coalesce((select size from measured), at_most) - (select count(*) from gold)
    ), locked as materialized (
        select * from gold union all select * from work
    ), lent as (
        insert into exchange.assignments (job_id, task_id, worker, page_key, place, lent_at_ms, lease_until_ms)
        select for_job, locked.task_id, for_worker, locked.page_key, locked.place, now_ms, now_ms + fresh.lease_ms
        from locked, fresh
    ), counted as (
        update exchange.tasks task
        set taken = task.taken + 1, gold_views = task.gold_views - (locked.source = -1)::integer::smallint
        from locked
        where task.job_id = for_job and task.task_id = locked.task_id
          and task.task_id = any (array(select task_id from locked))
    ), noted as (
        update exchange.bundles bundle
        set claims = bundle.claims + 1, lease_until_ms = now_ms + fresh.lease_ms, task_ids = taken.task_ids,
            cursor_rank = coalesce(taken.last_rank, bundle.cursor_rank)
        from fresh, (
            select array_agg(task_id) as task_ids,
                   (array_agg(rank order by source desc, rank desc) filter (where source in (1, 2)))[1] as last_rank
            from locked
        ) taken
        where bundle.job_id = for_job and bundle.worker = for_worker and taken.task_ids is not null
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
