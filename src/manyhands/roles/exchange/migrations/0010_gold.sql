-- Whom to lend what: known pieces by a share of each worker's stream, disputed ones to proven workers first, and nothing
-- twice to people who count as one.
--
-- queue: 0 = everybody's work; 1 = people differ on it: proven workers first, the others when nothing else is left;
--        2 = known and in reserve: lent as gold alone, and nobody waits for it.
-- gold_views: how often a task may still be lent as gold. It is retired when they are used up; work that was settled by
-- people may be lent once more as gold (recycled).
alter table exchange.tasks
    add column queue      smallint not null default 0 check (queue between 0 and 2),
    add column gold_views smallint not null default 0 check (gold_views >= 0);

drop index exchange.tasks_to_lend;
create index tasks_to_lend on exchange.tasks (job_id, rank) where state = 'open' and taken < wanted and queue = 0;
create index tasks_disputed on exchange.tasks (job_id, rank) where state = 'open' and taken < wanted and queue = 1;
create index tasks_gold on exchange.tasks (job_id, rank) where gold_views > 0 and state in ('open', 'accepted');

-- What the recording oracle would have a worker be lent: its word on skill, and the share of gold in what comes next.
alter table exchange.bundles
    add column skill_bp      integer not null default 0 check (skill_bp between 0 and 10000),
    add column gold_share_bp integer not null default 0 check (gold_share_bp between 0 and 10000);

-- gold_seed: which of a worker's tasks are gold follows from it, and it is told to nobody.
-- gold_recycle: settled tasks that may yet be lent once more as gold; the quote's line for known answers is the most.
-- proven_bp: who has shown this much skill is asked first where people differ; half of a job's workers have.
alter table exchange.jobs
    add column gold_seed    bigint  not null default 0,
    add column gold_recycle integer not null default 0 check (gold_recycle >= 0),
    add column proven_bp    integer not null default 0;

-- The requester's known record of a document that is to measure workers; '' = none, or it is kept to judge the whole.
alter table exchange.pages add column truth_blob text not null default '';

-- Lends a worker up to `at_most` tasks of a job, or gives the unfinished bundle back when there is one. As in 0002, with
--
-- kin         the worker and everybody who counts as the same person: what one of them had, none is lent
-- gold_count  how many of the bundle are gold: the share of `at_most`, rounded up or down by a draw that nobody foresees
-- sources     0 disputed, for the proven; 1 and 2 the queue from the cursor on and from the start; 3 disputed, for the
--             others; each is read only as far as the ones before it do not suffice. -1 gold
--
-- Gold is lent beside work alone: who asks when no work is left gets none.
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
               least(at_most, (at_most * mine.gold_share_bp
                   + abs(hashtextextended(for_worker || mine.claims, job.gold_seed) % 10000)) / 10000)
                   * (mine.gold_share_bp > 0)::integer as gold_count,
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
            limit 2 * fresh.gold_count
        ) free
        where fresh.gold_count > 0 and exists (select from candidates)
    ), apart as materialized (
        -- under a privacy level, one bundle holds one piece of a page
        select task_id, rank, page_share, source,
               row_number() over (partition by page_key order by source, rank) as nth_of_page
        from (select * from known union all select * from candidates) one
        order by source, rank
    ), gold as materialized (
        select now_free.*, apart.source
        from apart
        cross join lateral (
            select task.task_id, task.rank, case when task.page_share is not null then task.page_key end as page_key,
                   task.place, task.question, task.effort_ms, task.reward_minor, task.picture
            from exchange.tasks task
            where task.job_id = for_job and task.task_id = apart.task_id
              and task.gold_views > 0 and task.state in ('open', 'accepted')
            for update skip locked
        ) now_free
        where apart.source = -1 and (apart.page_share is null or apart.nth_of_page = 1)
        limit (select gold_count from fresh)
    ), work as materialized (
        select now_free.*, apart.source
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
        where apart.source >= 0 and (apart.page_share is null or apart.nth_of_page = 1)
        limit at_most - (select count(*) from gold)
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
