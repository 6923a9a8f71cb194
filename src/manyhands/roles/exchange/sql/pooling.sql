-- Work pools: invitations, members, and what a pool may see of its own jobs.

-- name: pool_of
select account.worker as pool, account.name, coalesce(own.about, '') as about, coalesce(own.listed, false) as listed
from exchange.accounts account left join exchange.pools own on own.pool = account.worker
where account.worker = %(pool)s and account.roles @> '{workpool}';

-- name: put_pool
insert into exchange.pools (pool, about, listed, changed_at_ms) values (%(pool)s, %(about)s, %(listed)s, %(now_ms)s)
on conflict (pool) do update
set about = excluded.about, listed = excluded.listed, changed_at_ms = excluded.changed_at_ms;

-- name: pools_to_choose
-- Those that let themselves be found, and one's own; with how many people of the crowd can work in each.
select account.worker as pool, account.name, coalesce(own.about, '') as about, coalesce(own.listed, false) as listed,
       (select count(*) from exchange.pool_members member
        where member.pool = account.worker and member.ended_at_ms is null) as members
from exchange.accounts account left join exchange.pools own on own.pool = account.worker
where account.roles @> '{workpool}' and (own.listed or account.worker = %(requester)s)
order by account.name_key limit 200;

-- name: count_pool_people
-- People who can be lent work of the pool's jobs.
select count(*) from exchange.pool_members member join exchange.accounts account on account.worker = member.worker
where member.pool = %(pool)s and member.ended_at_ms is null and not account.simulated;

-- name: count_pool_invites
select count(*) from exchange.pool_invites
where pool = %(pool)s and ended_at_ms is null and expires_at_ms > %(now_ms)s and taken < places;

-- name: add_pool_invite
insert into exchange.pool_invites (invite_hash, invite_id, pool, note, places, created_at_ms, expires_at_ms)
values (%(invite_hash)s, %(invite_id)s, %(pool)s, %(note)s, %(places)s, %(now_ms)s, %(expires_at_ms)s);

-- name: pool_invites
select invite_id, note, places, taken, created_at_ms, expires_at_ms from exchange.pool_invites
where pool = %(pool)s and ended_at_ms is null and expires_at_ms > %(now_ms)s and taken < places
order by created_at_ms desc, invite_id;

-- name: end_pool_invite
update exchange.pool_invites set ended_at_ms = coalesce(ended_at_ms, %(now_ms)s)
where pool = %(pool)s and invite_id = %(invite_id)s returning invite_id;

-- name: pool_invite
-- An invitation that has not ended; free = a place is left.
select pool, taken < places as free from exchange.pool_invites
where invite_hash = %(invite_hash)s and ended_at_ms is null and expires_at_ms > %(now_ms)s;

-- name: take_pool_invite
update exchange.pool_invites set taken = taken + 1
where invite_hash = %(invite_hash)s and ended_at_ms is null and expires_at_ms > %(now_ms)s and taken < places
returning pool;

-- name: is_pool_member
select member_id from exchange.pool_members
where pool = %(pool)s and worker = %(worker)s and ended_at_ms is null;

-- name: count_pools_of
select count(*) from exchange.pool_members where worker = %(worker)s and ended_at_ms is null;

-- name: join_pool
insert into exchange.pool_members (pool, worker, member_id, agreed_to, joined_at_ms)
values (%(pool)s, %(worker)s, %(member_id)s, %(agreed_to)s, %(now_ms)s)
on conflict (pool, worker) do update
set agreed_to = excluded.agreed_to, joined_at_ms = excluded.joined_at_ms, ended_at_ms = null, ended_by = null,
    because = ''
where exchange.pool_members.ended_at_ms is not null
returning pool;

-- name: leave_pool
update exchange.pool_members set ended_at_ms = %(now_ms)s, ended_by = 'worker', because = ''
where pool = %(pool)s and worker = %(worker)s and ended_at_ms is null returning pool;

-- name: remove_pool_member
update exchange.pool_members set ended_at_ms = %(now_ms)s, ended_by = 'pool', because = %(because)s
where pool = %(pool)s and member_id = %(member_id)s and ended_at_ms is null returning worker;

-- name: pools_of
-- A worker's pools, those left or ended too.
select member.pool, account.name, coalesce(own.about, '') as about, member.agreed_to, member.joined_at_ms,
       member.ended_at_ms, member.ended_by, member.because
from exchange.pool_members member
join exchange.accounts account on account.worker = member.pool
left join exchange.pools own on own.pool = member.pool
where member.worker = %(worker)s
order by member.ended_at_ms is not null, member.joined_at_ms desc, member.pool;

-- name: pool_members
-- What a pool sees of each member: work in this pool's own jobs alone, no amounts.
select member.member_id, account.name, member.joined_at_ms,
       coalesce(sum(book.answers), 0)::bigint as answers,
       coalesce(sum(book.accepted), 0)::bigint as accepted,
       coalesce(sum(book.refused), 0)::bigint as refused,
       coalesce(sum(book.credited_ms), 0)::bigint as credited_ms,
       (select count(*) from exchange.bundles held
        join exchange.jobs job on job.job_id = held.job_id and job.pool = member.pool
        join exchange.assignments lent on lent.job_id = held.job_id and lent.worker = held.worker
            and lent.task_id = any (held.task_ids) and lent.state = 'lent'
        where held.worker = member.worker and held.lease_until_ms > %(now_ms)s) as in_hand
from exchange.pool_members member
join exchange.accounts account on account.worker = member.worker
left join exchange.jobs job on job.pool = member.pool
left join exchange.earnings book on book.job_id = job.job_id and book.worker = member.worker
where member.pool = %(pool)s and member.ended_at_ms is null
group by member.pool, member.worker, member.member_id, account.name, account.name_key, member.joined_at_ms
order by account.name_key;

-- name: pool_jobs
-- Jobs that were launched for the pool, the newest first, without amounts.
select job.job_id, job.title, job.task_type, job.state, job.simulated, job.tasks_total as tasks,
       job.undecided, coalesce(offer.open_tasks, 0) as open_tasks, job.announced_at_ms,
       (select coalesce(sum(book.answers), 0)::bigint from exchange.earnings book where book.job_id = job.job_id) as answers,
       (select count(*) from exchange.earnings book where book.job_id = job.job_id and book.answers > 0) as workers
from exchange.jobs job left join exchange.offers offer on offer.job_id = job.job_id
where job.pool = %(pool)s
order by job.announced_at_ms desc, job.job_id limit 200;

-- name: pools_open
-- For the operator: every pool, and how many belong to it.
select account.worker as pool, account.name, coalesce(own.listed, false) as listed,
       (select count(*) from exchange.pool_members member
        where member.pool = account.worker and member.ended_at_ms is null) as members
from exchange.accounts account left join exchange.pools own on own.pool = account.worker
where account.roles @> '{workpool}' order by account.name_key;
