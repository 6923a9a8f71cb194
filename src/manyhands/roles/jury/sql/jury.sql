-- name: add_job
insert into jury.jobs (job_id, manifest, routing, launcher, chain_id, escrow, secret, commitment)
values (%(job_id)s, %(manifest)s, %(routing)s, %(launcher)s, %(chain_id)s, %(escrow)s, %(secret)s, %(commitment)s);

-- name: lock_job
-- Everything about a job's reports waits here: two reports at a time are drawn one after the other.
select job_id, manifest, routing, launcher, escrow, secret, commitment
from jury.jobs where job_id = %(job_id)s for update;

-- name: read_job
select job_id, manifest, routing, launcher, escrow, secret, commitment from jury.jobs where job_id = %(job_id)s;

-- name: add_report
insert into jury.reports (job_id, report_id, task_id, reporter, code, report_text, picture_blob, filed_at_ms)
values (%(job_id)s, %(report_id)s, %(task_id)s, %(reporter)s, %(code)s, %(report_text)s, %(picture_blob)s,
        %(filed_at_ms)s)
on conflict (job_id, report_id) do nothing;

-- name: add_pool
insert into jury.pool (job_id, worker) select %(job_id)s, worker from unnest(%(workers)s::text[]) as worker
on conflict (job_id, worker) do nothing;

-- name: pool_of
select worker from jury.pool where job_id = %(job_id)s order by worker;

-- name: waiting
select job_id, report_id, task_id, reporter, state, case_id, jurors, eligible, ruling_asked, filed_at_ms, drawn_at_ms
from jury.reports where job_id = %(job_id)s and state = 'filed' order by filed_at_ms, report_id for update;

-- name: lock_report
select job_id, report_id, task_id, reporter, state, case_id, jurors, eligible, ruling_asked, filed_at_ms, drawn_at_ms
from jury.reports where job_id = %(job_id)s and report_id = %(report_id)s for update;

-- name: read_report
select job_id, report_id, task_id, reporter, state, case_id, jurors, eligible, ruling_asked, filed_at_ms, drawn_at_ms
from jury.reports where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: report_of_case
select report.job_id, report.report_id
from jury.reports as report join jury.jobs as job using (job_id)
where report.case_id = %(case_id)s and job.chain_id = %(chain_id)s;

-- name: open_reports
select report_id from jury.reports where job_id = %(job_id)s and state in ('filed', 'judged');

-- name: undrawn
select job_id, report_id from jury.reports
where state = 'filed' and filed_at_ms <= %(before_ms)s order by filed_at_ms limit 100;

-- name: unvoted
-- Where a majority has signed, the contract's word is waited for however long it takes.
select job_id, report_id from jury.reports
where state = 'judged' and not ruling_asked and drawn_at_ms <= %(before_ms)s order by drawn_at_ms limit 100;

-- name: set_drawn
update jury.reports
set state = %(state)s, case_id = %(case_id)s, jurors = %(jurors)s, eligible = %(eligible)s,
    drawn_at_ms = %(drawn_at_ms)s
where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: set_ruling_asked
update jury.reports set ruling_asked = true where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: set_ended
update jury.reports set state = %(state)s, because = %(because)s, ended_at_ms = %(ended_at_ms)s
where job_id = %(job_id)s and report_id = %(report_id)s;

-- name: add_vote
insert into jury.votes (job_id, case_id, juror, uphold, because, signature, cast_at_ms)
values (%(job_id)s, %(case_id)s, %(juror)s, %(uphold)s, %(because)s, %(signature)s, %(cast_at_ms)s)
on conflict (job_id, case_id, juror) do nothing
returning juror;

-- name: votes_of
select juror, uphold, signature from jury.votes
where job_id = %(job_id)s and case_id = %(case_id)s order by cast_at_ms, juror;

-- name: add_appeal
insert into jury.appeals (job_id, appeal_id, worker, words, task_ids, eligible, jurors, filed_at_ms)
values (%(job_id)s, %(appeal_id)s, %(worker)s, %(words)s, %(task_ids)s, %(eligible)s, %(jurors)s, %(filed_at_ms)s)
on conflict (job_id, appeal_id) do nothing;

-- name: lock_appeal
select job_id, appeal_id, worker, task_ids, jurors, state from jury.appeals
where job_id = %(job_id)s and appeal_id = %(appeal_id)s for update;

-- name: add_appeal_vote
insert into jury.appeal_votes (job_id, appeal_id, juror, granted, because, signature, cast_at_ms)
values (%(job_id)s, %(appeal_id)s, %(juror)s, %(granted)s, %(because)s, %(signature)s, %(cast_at_ms)s)
on conflict (job_id, appeal_id, juror) do nothing
returning juror;

-- name: appeal_votes_of
select juror, granted, signature from jury.appeal_votes
where job_id = %(job_id)s and appeal_id = %(appeal_id)s order by cast_at_ms, juror;

-- name: appeals_due
select job_id, appeal_id from jury.appeals
where state = 'open' and filed_at_ms <= %(before_ms)s order by filed_at_ms limit 100;

-- name: set_appeal_ended
update jury.appeals set state = %(state)s, because = %(because)s, ended_at_ms = %(ended_at_ms)s
where job_id = %(job_id)s and appeal_id = %(appeal_id)s;
