-- Appeals against refused answers, and the votes of jurors about them.

-- name: refused_of
-- The worker's refused answers of a job that no appeal held yet, oldest first.
select held.task_id, held.because from exchange.assignments held
where held.job_id = %(job_id)s and held.worker = %(worker)s and held.outcome = 'refused'
  and not exists (
      select from exchange.appeals earlier
      where earlier.job_id = held.job_id and earlier.worker = held.worker and held.task_id = any (earlier.task_ids))
order by held.received_at_ms, held.task_id
limit %(most)s;

-- name: appeals_in_job
select appeal_id, state from exchange.appeals where job_id = %(job_id)s and worker = %(worker)s order by filed_at_ms;

-- name: may_judge_appeal
-- Workers of the same crowd who never had one of the pieces that are shown.
select account.worker
from exchange.accounts account
join exchange.jobs job on job.job_id = %(job_id)s and job.simulated = account.simulated
where account.worker <> %(worker)s
  and not exists (
      select from exchange.assignments had
      where had.job_id = %(job_id)s and had.task_id = any (%(exhibits)s) and had.worker = account.worker)
order by md5(%(appeal_id)s || account.worker)
limit %(most)s;

-- name: add_appeal
insert into exchange.appeals (job_id, appeal_id, worker, words, task_ids, exhibits, filed_at_ms)
values (%(job_id)s, %(appeal_id)s, %(worker)s, %(words)s, %(task_ids)s, %(exhibits)s, %(now_ms)s);

-- name: lock_appeal
select worker, task_ids, jurors, state from exchange.appeals
where job_id = %(job_id)s and appeal_id = %(appeal_id)s for update;

-- name: set_appeal_jurors
update exchange.appeals set jurors = %(count)s where job_id = %(job_id)s and appeal_id = %(appeal_id)s;

-- name: add_appeal_juror
-- Only workers with an account here are asked.
insert into exchange.appeal_jurors (job_id, appeal_id, juror)
select %(job_id)s, %(appeal_id)s, account.worker from exchange.accounts account where account.worker = %(juror)s
on conflict do nothing;

-- name: appeals_to_judge
-- What waits for a juror's vote. Whose appeal it is, is not told.
select appeal.job_id, appeal.appeal_id, appeal.words,
       array(select json_build_object('task_id', task.task_id, 'picture', task.picture, 'question', task.question,
                                      'text', held.answer_text)
             from exchange.tasks task
             join exchange.assignments held on held.job_id = task.job_id and held.task_id = task.task_id
                                           and held.worker = appeal.worker
             where task.job_id = appeal.job_id and task.task_id = any (appeal.exhibits)
             order by array_position(appeal.exhibits, task.task_id)) as exhibits,
       job.manifest
from exchange.appeal_jurors juror
join exchange.appeals appeal on appeal.job_id = juror.job_id and appeal.appeal_id = juror.appeal_id
join exchange.jobs job on job.job_id = appeal.job_id
where juror.juror = %(worker)s and juror.granted is null and appeal.state = 'open'
order by appeal.filed_at_ms;

-- name: appeal_of_juror
select juror.job_id, juror.granted, appeal.state, job.jury
from exchange.appeal_jurors juror
join exchange.appeals appeal on appeal.job_id = juror.job_id and appeal.appeal_id = juror.appeal_id
join exchange.jobs job on job.job_id = juror.job_id
where juror.juror = %(worker)s and juror.appeal_id = %(appeal_id)s
for update of appeal, juror;

-- name: votes_on_appeal
select granted, count(*) from exchange.appeal_jurors
where job_id = %(job_id)s and appeal_id = %(appeal_id)s and granted is not null group by granted;

-- name: set_appeal_vote
update exchange.appeal_jurors set granted = %(granted)s, because = %(because)s, voted_at_ms = %(now_ms)s
where job_id = %(job_id)s and appeal_id = %(appeal_id)s and juror = %(worker)s;

-- name: end_appeal
update exchange.appeals
set state = %(state)s, because = %(because)s, ended_at_ms = %(now_ms)s, restored_minor = %(restored_minor)s
where job_id = %(job_id)s and appeal_id = %(appeal_id)s;

-- name: refused_rewards
select coalesce(sum(task.reward_minor), 0)::bigint
from exchange.assignments held
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where held.job_id = %(job_id)s and held.worker = %(worker)s and held.task_id = any (%(task_ids)s)
  and held.outcome = 'refused';

-- name: restore_earnings
update exchange.earnings set restored_minor = restored_minor + %(restored_minor)s
where job_id = %(job_id)s and worker = %(worker)s;

-- name: pay_appeal_juror
update exchange.appeal_jurors set paid_minor = %(paid_minor)s
where job_id = %(job_id)s and appeal_id = %(appeal_id)s and juror = %(juror)s;

-- name: appeals_hold
-- Whether an appeal is open, or somebody refused may still appeal.
select exists (select from exchange.appeals where job_id = %(job_id)s and state = 'open')
    or exists (
        select from exchange.jobs job
        where job.job_id = %(job_id)s and not job.simulated and job.refused_at_ms > %(before_ms)s
          and exists (
              select from exchange.earnings book
              where book.job_id = job.job_id and book.refused > 0
                and book.refused > (select coalesce(sum(cardinality(appeal.task_ids)), 0) from exchange.appeals appeal
                                    where appeal.job_id = book.job_id and appeal.worker = book.worker)));

-- name: appeal_ids
select appeal_id from exchange.appeals where job_id = %(job_id)s order by appeal_id;

-- name: note_refusal
update exchange.jobs set refused_at_ms = %(now_ms)s where job_id = %(job_id)s;

-- name: refusals_shown
-- Refused answers of a worker with what they were, newest first, and the appeal that holds each.
select held.job_id, job.title, held.task_id, task.picture, task.question, held.answer_text, task.reward_minor, held.code,
       held.because, held.received_at_ms, job.state as job_state, job.currency, job.exponent,
       (select appeal.appeal_id from exchange.appeals appeal
        where appeal.job_id = held.job_id and appeal.worker = held.worker and held.task_id = any (appeal.task_ids))
           as appeal_id
from exchange.earnings book
join exchange.jobs job on job.job_id = book.job_id
join exchange.assignments held on held.job_id = book.job_id and held.worker = book.worker and held.outcome = 'refused'
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where book.worker = %(worker)s and book.refused > 0
order by held.received_at_ms desc
limit %(most)s;

-- name: appeals_of_worker
select job_id, appeal_id, words, cardinality(task_ids) as answers, state, because, restored_minor, filed_at_ms,
       ended_at_ms
from exchange.appeals where worker = %(worker)s order by filed_at_ms desc;
