-- Webhooks: where requesters are told what happens to their jobs.

-- name: add_hook
insert into launcher.hooks (hook_id, requester, url, name, created_at_ms)
values (%(hook_id)s, %(requester)s, %(url)s, %(name)s, %(now_ms)s);

-- name: lock_requester
-- Held to the end of the transaction, so that two wishes at once cannot pass the limit together.
select pg_advisory_xact_lock(hashtextextended('hooks:' || %(requester)s, 0));

-- name: count_hooks
select count(*) from launcher.hooks where requester = %(requester)s and ended_at_ms is null;

-- name: hooks_of
select hook.hook_id, hook.url, hook.name, hook.created_at_ms,
       (select count(*) from launcher.tellings one where one.hook_id = hook.hook_id and one.state = 'waiting') as waiting,
       hook.rotated_at_ms
from launcher.hooks hook where hook.requester = %(requester)s and hook.ended_at_ms is null
order by hook.created_at_ms, hook.hook_id;

-- name: hook
select hook_id, url, secret_no, rotated_at_ms from launcher.hooks
where hook_id = %(hook_id)s and ended_at_ms is null and (%(requester)s::text is null or requester = %(requester)s);

-- name: rotate_hook
update launcher.hooks set secret_no = secret_no + 1, rotated_at_ms = %(now_ms)s
where hook_id = %(hook_id)s and requester = %(requester)s and ended_at_ms is null
returning secret_no;

-- name: end_hook
update launcher.hooks set ended_at_ms = %(now_ms)s
where hook_id = %(hook_id)s and requester = %(requester)s and ended_at_ms is null
returning hook_id;

-- name: tell_hooks
-- One telling for each address of the job's requester.
insert into launcher.tellings (hook_id, job_id, event_no)
select hook.hook_id, job.job_id, %(event_no)s
from launcher.jobs job join launcher.hooks hook on hook.requester = job.requester and hook.ended_at_ms is null
where job.job_id = %(job_id)s
returning hook_id;

-- name: alone_with
-- One process tells one address of one job at a time; held to the end of the transaction.
select pg_try_advisory_xact_lock(hashtextextended('webhook:' || %(hook_id)s || ':' || %(job_id)s, 0));

-- name: next_telling
-- number counts a job's events from 1, without gaps: a receiver sees by it that none is missing.
select event.event_no, event.at_ms, event.name, event.because, job.state, telling.attempts,
       (select count(*) from launcher.events earlier
        where earlier.job_id = event.job_id and earlier.event_no <= event.event_no) as number
from launcher.tellings telling
join launcher.events event on event.job_id = telling.job_id and event.event_no = telling.event_no
join launcher.jobs job on job.job_id = telling.job_id
where telling.hook_id = %(hook_id)s and telling.job_id = %(job_id)s and telling.state = 'waiting'
order by event.event_no limit 1;

-- name: note_telling
update launcher.tellings
set state = %(state)s, attempts = attempts + 1, status = %(status)s, reason = %(reason)s, told_at_ms = %(told_at_ms)s
where hook_id = %(hook_id)s and job_id = %(job_id)s and event_no = %(event_no)s;

-- name: tellings_of
select telling.job_id, event.name,
       (select count(*) from launcher.events earlier
        where earlier.job_id = event.job_id and earlier.event_no <= event.event_no) as number,
       telling.state, telling.attempts, telling.status, telling.reason, event.at_ms, telling.told_at_ms
from launcher.tellings telling
join launcher.events event on event.job_id = telling.job_id and event.event_no = telling.event_no
where telling.hook_id = %(hook_id)s and (%(job_id)s::text is null or telling.job_id = %(job_id)s)
order by event.event_no desc limit 200;

-- name: tell_again
-- Every event of the job from a number on, also those from before the address was given.
insert into launcher.tellings (hook_id, job_id, event_no)
select %(hook_id)s, counted.job_id, counted.event_no
from (select event.job_id, event.event_no, row_number() over (order by event.event_no) as number
      from launcher.events event join launcher.jobs job on job.job_id = event.job_id
      where event.job_id = %(job_id)s and job.requester = %(requester)s) counted
where counted.number >= %(from_number)s
on conflict (hook_id, job_id, event_no) do update set state = 'waiting', told_at_ms = null
returning event_no;
