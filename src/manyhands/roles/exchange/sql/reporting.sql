-- Reports of broken or inappropriate tasks, and the cases that workers judge as jurors.

-- name: known_report
select report_id from exchange.reports where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: task_of_report
select task.state, task.picture, held.state
from exchange.assignments held
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where held.job_id = %(job_id)s and held.task_id = %(task_id)s and held.worker = %(worker)s
for update;

-- name: mark_reported
update exchange.assignments set state = 'reported'
where job_id = %(job_id)s and task_id = %(task_id)s and worker = %(worker)s;

-- name: freeze_task
-- The reporter's own lease is over with the report.
-- A known piece in reserve becomes work like any other, as a jury waits for it. Returns how many of those.
update exchange.tasks
set state = 'frozen', taken = taken - 1, gold_views = 0, queue = case when queue = 2 then 0 else queue end
where job_id = %(job_id)s and task_id = %(task_id)s
returning (old.queue = 2)::integer;

-- name: add_report
insert into exchange.reports (job_id, report_id, task_id, reporter, code, report_text, filed_at_ms)
values (%(job_id)s, %(report_id)s, %(task_id)s, %(worker)s, %(code)s, %(text)s, %(now_ms)s);

-- name: may_judge
-- Workers of the same crowd who have never had the task. Simulated people judge simulated jobs, people those of people.
-- Votes are signed with the wallet that is kept here, so who keeps their own is not drawn.
select account.worker
from exchange.accounts account
join exchange.jobs job on job.job_id = %(job_id)s and job.simulated = account.simulated
where account.worker <> %(worker)s and 'worker' = any (account.roles) and account.wallet_sealed is not null
  and not exists (
      select from exchange.assignments had
      where had.job_id = %(job_id)s and had.task_id = %(task_id)s and had.worker = account.worker)
order by md5(%(report_id)s || account.worker)
limit %(most)s;

-- name: report
select report.report_id, report.task_id, report.reporter, report.code, report.report_text, report.state,
       task.state as task_state, task.decided_batch is not null as decided, task.value is not null as has_value
from exchange.reports report
join exchange.tasks task on task.job_id = report.job_id and task.task_id = report.task_id
where report.job_id = %(job_id)s and report.report_id = %(report_id)s
for update;

-- name: set_report_state
update exchange.reports set state = %(state)s where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: add_case
insert into exchange.cases (job_id, case_id, report_id, clear_digest, uphold_digest, drawn_at_ms)
values (%(job_id)s, %(case_id)s, %(report_id)s, %(clear_digest)s, %(uphold_digest)s, %(now_ms)s)
on conflict (job_id, case_id) do nothing;

-- name: add_juror
-- Only workers with an account here are asked.
insert into exchange.case_jurors (job_id, case_id, juror)
select %(job_id)s, %(case_id)s, account.worker from exchange.accounts account where account.worker = %(juror)s
on conflict do nothing;

-- name: rule_case
update exchange.cases set ruled_at_ms = %(now_ms)s, upheld = %(upheld)s
where job_id = %(job_id)s and case_id = %(case_id)s;

-- name: pay_juror
update exchange.case_jurors set paid_minor = %(paid_minor)s
where job_id = %(job_id)s and case_id = %(case_id)s and juror = %(juror)s;

-- name: set_task_state
update exchange.tasks set state = %(state)s where job_id = %(job_id)s and task_id = %(task_id)s;

-- name: cases_of
-- What waits for a juror's vote. Who reported is not told.
select judged.job_id, judged.case_id, report.task_id, task.picture, report.code, report.report_text as text,
       task.question, job.manifest
from exchange.case_jurors juror
join exchange.jobs job on job.job_id = juror.job_id
join exchange.cases judged on judged.job_id = juror.job_id and judged.case_id = juror.case_id
join exchange.reports report on report.job_id = judged.job_id and report.report_id = judged.report_id
join exchange.tasks task on task.job_id = report.job_id and task.task_id = report.task_id
where juror.juror = %(worker)s and juror.uphold is null and judged.ruled_at_ms is null
order by judged.drawn_at_ms;

-- name: case_of_juror
select judged.job_id, judged.clear_digest, judged.uphold_digest, juror.uphold, job.jury
from exchange.case_jurors juror
join exchange.cases judged on judged.job_id = juror.job_id and judged.case_id = juror.case_id
join exchange.jobs job on job.job_id = judged.job_id
where juror.juror = %(worker)s and juror.case_id = %(case_id)s
for update of juror;

-- name: set_vote
update exchange.case_jurors set uphold = %(uphold)s, because = %(because)s, voted_at_ms = %(now_ms)s
where job_id = %(job_id)s and case_id = %(case_id)s and juror = %(worker)s;
