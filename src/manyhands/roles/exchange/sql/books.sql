-- The worker's own books, wishes and words.

-- name: worked_by_hour
select hour_ms, currency, answers, active_ms, offered_minor from exchange.worked
where worker = %(worker)s and hour_ms >= %(from_ms)s order by hour_ms;

-- name: wishes_of
select day_cap_minutes, week_cap_minutes, break_minutes, sensitive, utc_offset_minutes, languages
from exchange.wishes where worker = %(worker)s;

-- name: put_wishes
insert into exchange.wishes
    (worker, day_cap_minutes, week_cap_minutes, break_minutes, sensitive, utc_offset_minutes, languages, changed_at_ms)
values (%(worker)s, %(day_cap_minutes)s, %(week_cap_minutes)s, %(break_minutes)s, %(sensitive)s,
        %(utc_offset_minutes)s, %(languages)s, %(now_ms)s)
on conflict (worker) do update
set day_cap_minutes = excluded.day_cap_minutes, week_cap_minutes = excluded.week_cap_minutes,
    break_minutes = excluded.break_minutes, sensitive = excluded.sensitive,
    utc_offset_minutes = excluded.utc_offset_minutes, languages = excluded.languages, changed_at_ms = excluded.changed_at_ms;

-- name: worked_since
select coalesce(sum(active_ms) filter (where hour_ms >= %(day_ms)s), 0)::bigint,
       coalesce(sum(active_ms), 0)::bigint
from exchange.worked where worker = %(worker)s and hour_ms >= %(week_ms)s;

-- name: own_paces
-- Median is not kept; the mean of credited time per accepted answer is what pay followed. By currency, as pay is.
select job.task_type, job.currency, sum(book.credited_ms)::bigint, sum(book.accepted)::bigint, sum(book.earned_minor)::bigint
from exchange.earnings book join exchange.jobs job on job.job_id = book.job_id
where book.worker = %(worker)s and book.accepted > 0 group by job.task_type, job.currency;

-- name: requesters_record
select job.requester, coalesce(sum(book.answers), 0)::bigint, coalesce(sum(book.refused), 0)::bigint,
       count(distinct job.job_id)
from exchange.jobs job left join exchange.earnings book on book.job_id = job.job_id
where job.requester = any (%(requesters)s) group by job.requester;

-- name: requesters_stars
select job.requester, count(*), sum(rating.stars)::bigint
from exchange.ratings rating join exchange.jobs job on job.job_id = rating.job_id
where job.requester = any (%(requesters)s) group by job.requester;

-- name: rate
-- Only who has answered something in the job has a word on it; the last word counts.
insert into exchange.ratings (job_id, worker, stars, at_ms)
select %(job_id)s, %(worker)s, %(stars)s, %(now_ms)s
where exists (select from exchange.bundles where job_id = %(job_id)s and worker = %(worker)s)
on conflict (job_id, worker) do update set stars = excluded.stars, at_ms = excluded.at_ms
returning job_id;

-- name: ratings_of
select job_id, stars, at_ms from exchange.ratings where worker = %(worker)s order by at_ms;

-- name: guides_of
select task_type, version, language, at_ms, paid_in, paid_minor from exchange.guides_read where worker = %(worker)s;

-- name: read_guide
insert into exchange.guides_read (worker, task_type, version, language, at_ms)
values (%(worker)s, %(task_type)s, %(version)s, %(language)s, %(now_ms)s) on conflict do nothing;

-- name: add_standing_change
insert into exchange.standing_changes
    (worker, skill, at_ms, job_id, right_micro, wrong_micro, score_bp, because, types, counts)
values (%(worker)s, %(skill)s, %(at_ms)s, %(job_id)s, %(right_micro)s, %(wrong_micro)s, %(score_bp)s, %(because)s,
        %(types)s::jsonb, %(counts)s::jsonb)
on conflict do nothing;

-- name: standing_changes_of
select change.skill, change.at_ms, change.job_id, coalesce(job.title, '') as title, change.score_bp,
       change.right_micro / 1000 as right_milli, change.wrong_micro / 1000 as wrong_milli, change.because, change.types,
       change.counts
from exchange.standing_changes change left join exchange.jobs job on job.job_id = change.job_id
where change.worker = %(worker)s order by change.skill, change.at_ms;

-- name: answers_by_worker
-- One worker's answers to one job, newest first. settled: the task has its final word; value: what it is.
select held.task_id, task.question, held.answer_text as text, held.state, held.lent_at_ms, held.received_at_ms,
       held.active_ms, task.reward_minor, held.outcome, held.earned_minor, held.code, held.because,
       task.state as task_state, case when task.state = 'accepted' then task.value end as value,
       case when task.state in ('accepted', 'unreadable') then task.because end as verdict_because
from exchange.assignments held
join exchange.tasks task on task.job_id = held.job_id and task.task_id = held.task_id
where held.job_id = %(job_id)s and held.worker = %(worker)s
order by held.received_at_ms desc nulls last, held.task_id
limit %(most)s offset %(skip)s;

-- name: jobs_worked_in
select bundle.job_id, job.title, job.task_type, job.currency
from exchange.bundles bundle join exchange.jobs job on job.job_id = bundle.job_id
where bundle.worker = %(worker)s order by job.announced_at_ms, bundle.job_id;

-- name: reports_of_worker
select job_id, report_id, task_id, code, report_text as text, state, filed_at_ms
from exchange.reports where reporter = %(worker)s order by filed_at_ms;

-- name: votes_of_worker
select 'report' as kind, job_id, case_id, uphold, because, voted_at_ms, paid_minor
from exchange.case_jurors where juror = %(worker)s and voted_at_ms is not null
union all
select 'appeal', job_id, appeal_id, granted, because, voted_at_ms, paid_minor
from exchange.appeal_jurors where juror = %(worker)s and voted_at_ms is not null
order by voted_at_ms;

-- name: public_wages
-- Paid pay per hour of credited time, one line per worker and settled job, without names. Minor units an hour. What was
-- paid for getting ready is left out, as its time is.
select job.currency, job.exponent, job.simulated,
       ((book.paid_minor - book.learning_minor) * 3600000 / book.credited_ms)::bigint as per_hour_minor
from exchange.earnings book join exchange.jobs job on job.job_id = book.job_id
where job.state = 'settled' and book.paid_minor > 0 and book.credited_ms >= %(least_ms)s
order by 4;

-- name: public_reports
select report.job_id, job.title, report.code, report.state, report.filed_at_ms, judged.ruled_at_ms
from exchange.reports report
join exchange.jobs job on job.job_id = report.job_id
left join exchange.cases judged on judged.job_id = report.job_id and judged.report_id = report.report_id
order by report.filed_at_ms desc limit 200;

-- name: public_appeals
select appeal.job_id, job.title, cardinality(appeal.task_ids) as answers, appeal.state, appeal.because,
       appeal.restored_minor, job.currency, job.exponent, appeal.filed_at_ms, appeal.ended_at_ms
from exchange.appeals appeal join exchange.jobs job on job.job_id = appeal.job_id
order by appeal.filed_at_ms desc limit 200;

-- name: public_sums
select count(*), count(*) filter (where state = 'settled'), count(*) filter (where simulated),
       coalesce(sum(tasks_total), 0)::bigint
from exchange.jobs;

-- name: public_answers
select coalesce(sum(answers), 0)::bigint, coalesce(sum(refused), 0)::bigint, count(distinct worker)
from exchange.earnings;

-- name: public_extras
-- What was paid beyond rewards, by currency: sums of two kinds of money would say nothing.
select job.currency, job.exponent, sum(book.top_up_minor)::bigint as top_up_minor,
       sum(book.restored_minor)::bigint as restored_minor
from exchange.earnings book join exchange.jobs job on job.job_id = book.job_id
where book.top_up_minor > 0 or book.restored_minor > 0
group by job.currency, job.exponent order by job.currency;

-- name: claim_door
-- What a worker's own wishes, standing and work pools say about a job: one look for every claim.
select coalesce(own.day_cap_minutes, 0), coalesce(own.week_cap_minutes, 0), coalesce(own.utc_offset_minutes, 0),
       job.sensitive and not coalesce(own.sensitive, false), job.score_least_bp,
       case when job.score_least_bp > 0 then (select standing.score_bp from exchange.standings standing
           where standing.worker = %(worker)s and standing.skill = job.task_type) end,
       coalesce(prior.right_micro, 0), coalesce(prior.wrong_micro, 0), job.task_type,
       job.pool <> '' and not exists (select from exchange.pool_members member
           where member.pool = job.pool and member.worker = %(worker)s and member.ended_at_ms is null),
       job.cap_parts
from exchange.jobs job left join exchange.wishes own on own.worker = %(worker)s
left join exchange.priors prior on prior.task_type = job.task_type and prior.simulated = job.simulated
where job.job_id = %(job_id)s;
