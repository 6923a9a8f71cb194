-- name: add_job
insert into recording.jobs (job_id, manifest, launcher, exchange, reputation, jury, chain_id, escrow, funded_minor)
values (%(job_id)s, %(manifest)s, %(launcher)s, %(exchange)s, %(reputation)s, %(jury)s, %(chain_id)s, %(escrow)s,
        %(funded_minor)s);

-- name: lock_job
-- Everything that changes a job's verdicts or money waits here, so that batches are judged one after the other.
select job_id, manifest, launcher, exchange, reputation, jury, chain_id, escrow, funded_minor, reserved_minor, batches,
       tasks_complete, recorded, extra_reserved, delivered_items, delivered_doubt_bp, learned, terms
from recording.jobs where job_id = %(job_id)s for update;

-- name: add_task
insert into recording.tasks (job_id, task_id, facts) values (%(job_id)s, %(task_id)s, %(facts)s)
on conflict (job_id, task_id) do nothing;

-- name: tasks_complete
update recording.jobs set tasks_complete = true, learned = %(learned)s where job_id = %(job_id)s;

-- name: withdraw_tasks
update recording.tasks set withdrawn = true
where job_id = %(job_id)s and task_id = any(%(task_ids)s) and decision is null;

-- name: tasks_touched
select task_id, facts, decision, refused, withdrawn, suspended, first_batch is null as is_new
from recording.tasks where job_id = %(job_id)s and task_id = any(%(task_ids)s);

-- name: withdrawals_untold
-- Withdrawn since the last batch: they belong into the next evidence file, so that a replay leaves them out too.
update recording.tasks set withdrawn_told = true
where job_id = %(job_id)s and withdrawn and not withdrawn_told
returning task_id, facts, first_batch is null as is_new;

-- name: answers_of_tasks
select task_id, worker, text_keyed, active_ms, received_at_ms
from recording.answers where job_id = %(job_id)s and task_id = any(%(task_ids)s) and not refused
order by batch_no, position;

-- name: workers_of_tasks
select worker, right_micro, wrong_micro, at_ms, cause, gold_right, gold_seen, link_group, types
from recording.workers
where job_id = %(job_id)s
  and worker in (select worker from recording.answers where job_id = %(job_id)s and task_id = any(%(task_ids)s)
                 union select unnest(%(workers)s::text[]));

-- name: standings_of
select worker, right_micro, wrong_micro, at_ms, types from recording.standings
where skill = %(skill)s and worker = any(%(workers)s);

-- name: put_worker
insert into recording.workers
    (job_id, worker, right_micro, wrong_micro, at_ms, cause, gold_right, gold_seen, link_group, types)
values (%(job_id)s, %(worker)s, %(right_micro)s, %(wrong_micro)s, %(at_ms)s, %(cause)s, %(gold_right)s, %(gold_seen)s,
        %(group)s, %(types)s::jsonb)
on conflict (job_id, worker) do update
set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro, at_ms = excluded.at_ms,
    cause = excluded.cause, gold_right = excluded.gold_right, gold_seen = excluded.gold_seen,
    link_group = excluded.link_group, types = excluded.types;

-- name: set_terms
update recording.jobs set terms = %(terms)s where job_id = %(job_id)s;

-- name: prior_of
select right_micro, wrong_micro from recording.priors where skill = %(skill)s;

-- name: put_prior
insert into recording.priors (skill, right_micro, wrong_micro) values (%(skill)s, %(right_micro)s, %(wrong_micro)s)
on conflict (skill) do update set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro;

-- name: links_of
select worker, link_group from recording.links where worker = any(%(workers)s) and link_group <> '';

-- name: put_link
-- The last word on a worker holds; an older one that comes late changes nothing.
insert into recording.links (worker, link_group, link_no) values (%(worker)s, %(group)s, %(link_no)s)
on conflict (worker) do update set link_group = excluded.link_group, link_no = excluded.link_no
where recording.links.link_no < excluded.link_no;

-- name: add_answer
insert into recording.answers
    (job_id, task_id, worker, batch_no, position, text_keyed, active_ms, received_at_ms, reward_minor, refused)
values (%(job_id)s, %(task_id)s, %(worker)s, %(batch_no)s, %(position)s, %(text_keyed)s, %(active_ms)s,
        %(received_at_ms)s, %(reward_minor)s, %(refused)s);

-- name: put_task
update recording.tasks
set decision = %(decision)s, refused = %(refused)s, suspended = %(suspended)s, first_batch = coalesce(first_batch, %(batch_no)s)
where job_id = %(job_id)s and task_id = %(task_id)s;

-- name: add_batch
insert into recording.batches (job_id, batch_no, root, evidence_blob, answers, reserved_minor)
values (%(job_id)s, %(batch_no)s, %(root)s, %(evidence_blob)s, %(answers)s, %(reserved_minor)s);

-- name: count_batch
update recording.jobs set batches = batches + 1, reserved_minor = reserved_minor + %(reserved_minor)s,
       delivered_items = %(delivered_items)s, delivered_doubt_bp = %(delivered_doubt_bp)s
where job_id = %(job_id)s;

-- name: unsettled
select count(*) from recording.tasks where job_id = %(job_id)s and decision is null and not withdrawn;

-- name: set_recorded
update recording.jobs set recorded = true where job_id = %(job_id)s;

-- name: batches_of
select batch_no, root, evidence_blob, answers, reserved_minor from recording.batches
where job_id = %(job_id)s order by batch_no;

-- name: put_standing
insert into recording.standings (worker, skill, right_micro, wrong_micro, at_ms, score_bp, types)
values (%(worker)s, %(skill)s, %(right_micro)s, %(wrong_micro)s, %(at_ms)s, %(score_bp)s, %(types)s::jsonb)
on conflict (worker, skill) do update
set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro, at_ms = excluded.at_ms,
    score_bp = excluded.score_bp, types = excluded.types
where recording.standings.at_ms <= excluded.at_ms;

-- name: earned_by_worker
-- Base pay and credited time per worker, from what was recorded answer by answer.
select worker, count(*) filter (where not refused) as answers, sum(reward_minor)::bigint as base_minor,
       array_agg(active_ms order by batch_no, position) filter (where not refused) as active_ms,
       array_agg(task_id order by batch_no, position) filter (where not refused) as task_ids
from recording.answers where job_id = %(job_id)s group by worker;

-- name: facts_of_job
select task_id, facts from recording.tasks where job_id = %(job_id)s;

-- name: extra_reserved
update recording.jobs set extra_reserved = true, reserved_minor = reserved_minor + %(extra_minor)s
where job_id = %(job_id)s;

-- name: add_ruling
insert into recording.rulings (job_id, case_id, jurors_paid_minor) values (%(job_id)s, %(case_id)s, %(paid)s);

-- name: rulings_of
select jurors_paid_minor from recording.rulings where job_id = %(job_id)s;

-- name: add_appeal
insert into recording.appeals (job_id, appeal_id, ruling) values (%(job_id)s, %(appeal_id)s, %(ruling)s)
on conflict do nothing;

-- name: appeals_of
select appeal_id, ruling from recording.appeals where job_id = %(job_id)s order by appeal_id;

-- name: refused_answers
-- Answers of the worker that were refused, among these tasks, with what they were offered for.
select answer.task_id, (convert_from(task.facts, 'UTF8')::jsonb ->> 'reward_minor')::bigint, answer.active_ms
from recording.answers answer
join recording.tasks task on task.job_id = answer.job_id and task.task_id = answer.task_id
where answer.job_id = %(job_id)s and answer.worker = %(worker)s and answer.task_id = any(%(task_ids)s)
  and answer.refused;

-- name: job_of_escrow
select job_id from recording.jobs where chain_id = %(chain_id)s and escrow = %(escrow)s;

-- name: add_act
insert into recording.acts (job_id, act_no, batch_no, reference, answers, evidence_hash, amount_minor, shares)
select %(job_id)s, 1 + coalesce(max(act_no), 0), %(batch_no)s, %(reference)s, %(answers)s, %(evidence_hash)s,
       %(amount_minor)s, %(shares)s
from recording.acts where job_id = %(job_id)s;

-- name: acts_waiting
select act_no, batch_no, reference, answers, evidence_hash, amount_minor, shares, again, not_before_ms
from recording.acts
where job_id = %(job_id)s and waits order by act_no;

-- name: act_sent
update recording.acts set waits = false where job_id = %(job_id)s and act_no = %(act_no)s;

-- name: act_refused
-- The chain refused it for now: it waits again, once however often that is told.
update recording.acts set waits = true, again = again + 1, not_before_ms = %(not_before_ms)s
where job_id = %(job_id)s and reference = %(reference)s and again = %(again)s and not waits
returning amount_minor, shares;

-- name: act_later
update recording.acts set not_before_ms = %(not_before_ms)s where job_id = %(job_id)s and act_no = %(act_no)s;

-- name: jobs_with_waiting_acts
select distinct job_id from recording.acts where waits;

-- name: waiting_minor
select coalesce(sum(amount_minor), 0) from recording.acts where job_id = %(job_id)s and waits;
