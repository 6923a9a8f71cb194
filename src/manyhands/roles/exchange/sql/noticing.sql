-- What was noticed of a worker's own answers, and what they say to it.

-- name: put_own_sign
-- The last word on a job holds; an older one that comes late changes nothing. What the worker said stays.
insert into exchange.signs (worker, job_id, kind, says, evidence, word_no, cleared_because, at_ms)
values (%(worker)s, %(job_id)s, %(kind)s, %(says)s, %(evidence)s::jsonb, %(word_no)s, %(cleared_because)s, %(now_ms)s)
on conflict (worker, job_id, kind) do update
set says = excluded.says, evidence = excluded.evidence, word_no = excluded.word_no,
    cleared_because = excluded.cleared_because
where exchange.signs.word_no < excluded.word_no;

-- name: own_signs
select own.job_id, job.title, own.kind, own.says, own.evidence, own.at_ms, own.words, own.cleared_because
from exchange.signs own join exchange.jobs job on job.job_id = own.job_id
where own.worker = %(worker)s order by own.at_ms desc, own.job_id, own.kind;

-- name: put_sign_words
-- A sign that was taken back needs no word any more.
update exchange.signs set words = %(words)s, words_at_ms = %(now_ms)s
where worker = %(worker)s and job_id = %(job_id)s and kind = %(kind)s and cleared_because = '' returning worker;

-- name: sign_words
select worker, job_id, kind, words, words_at_ms as at_ms from exchange.signs
where words <> '' order by words_at_ms desc, worker, job_id, kind limit 1000;
