-- Getting ready: guides read, practice, and what is due for both.

-- name: practice_answers_of
select place, answer_text, is_right from exchange.practice_answers
where worker = %(worker)s and task_type = %(task_type)s and version = %(version)s order by place;

-- name: practice_counts
select task_type, version, count(*), count(*) filter (where counts and is_right), count(*) filter (where counts)
from exchange.practice_answers where worker = %(worker)s group by task_type, version;

-- name: add_practice_answer
-- The first answer stands; no row when there was one already.
insert into exchange.practice_answers (worker, task_type, version, place, answer_text, is_right, counts, at_ms)
values (%(worker)s, %(task_type)s, %(version)s, %(place)s, %(text)s, %(is_right)s, %(counts)s, %(now_ms)s)
on conflict do nothing returning place;

-- name: finish_practice
-- Once all pieces have an answer, the practice is done and due to be paid. Again: nothing.
insert into exchange.practised (worker, task_type, version, right_count, asked_count, at_ms)
select worker, task_type, version, count(*) filter (where counts and is_right), count(*) filter (where counts),
       max(at_ms)
from exchange.practice_answers
where worker = %(worker)s and task_type = %(task_type)s and version = %(version)s
group by worker, task_type, version having count(*) >= %(pieces)s
on conflict do nothing;

-- name: practice_of_worker
select answer.task_type, answer.version, answer.place, answer.answer_text, answer.is_right, answer.counts, answer.at_ms,
       done.paid_in, done.paid_minor
from exchange.practice_answers answer
left join exchange.practised done
    on done.worker = answer.worker and done.task_type = answer.task_type and done.version = answer.version
where answer.worker = %(worker)s order by answer.at_ms, answer.place;

-- name: learned_of_worker
select 'guide' as part, task_type, version, language, null::smallint as right_count, null::smallint as asked_count, at_ms, paid_in,
       paid_minor
from exchange.guides_read where worker = %(worker)s
union all
select 'practice', task_type, version, '' as language, right_count, asked_count, at_ms, paid_in, paid_minor
from exchange.practised where worker = %(worker)s
order by at_ms;

-- name: learned_in_job
-- Workers of a job who got ready for its kind of work and were not paid for that: the first to be ready first. Of each
-- part the oldest version that is due: the next one is paid by the next job.
with guide as (
    select distinct on (worker) worker, version, language, at_ms from exchange.guides_read
    where task_type = %(task_type)s and paid_in is null order by worker, at_ms
), practice as (
    select distinct on (worker) worker, version, right_count, asked_count, at_ms from exchange.practised
    where task_type = %(task_type)s and paid_in is null order by worker, at_ms
)
select book.worker, coalesce(guide.version, '') as guide, coalesce(practice.version, '') as practice,
       coalesce(practice.right_count, 0) as right_count, coalesce(practice.asked_count, 0) as asked_count,
       greatest(guide.at_ms, practice.at_ms) as at_ms, coalesce(guide.language, 'en') as language
from exchange.earnings book
left join guide on guide.worker = book.worker
left join practice on practice.worker = book.worker
where book.job_id = %(job_id)s and book.earned_minor > 0 and (guide.worker is not null or practice.worker is not null)
order by greatest(guide.at_ms, practice.at_ms), book.worker
limit %(most)s;

-- name: guide_paid
update exchange.guides_read set paid_in = %(job_id)s, paid_minor = %(minor)s
where worker = %(worker)s and task_type = %(task_type)s and version = %(version)s and paid_in is null;

-- name: practice_paid
update exchange.practised set paid_in = %(job_id)s, paid_minor = %(minor)s
where worker = %(worker)s and task_type = %(task_type)s and version = %(version)s and paid_in is null;

-- name: places_wanted
-- Open jobs -> workers who got ready, are not paid for it, and have earned something there already.
select book.job_id, count(distinct book.worker)
from exchange.earnings book
join exchange.jobs job on job.job_id = book.job_id
where book.job_id = any (%(job_ids)s) and book.worker <> %(worker)s and book.earned_minor > 0
  and (exists (select from exchange.guides_read guide
               where guide.worker = book.worker and guide.task_type = job.task_type and guide.paid_in is null)
       or exists (select from exchange.practised done
                  where done.worker = book.worker and done.task_type = job.task_type and done.paid_in is null))
group by book.job_id;
