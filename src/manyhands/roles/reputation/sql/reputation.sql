-- name: add_job
insert into reputation.jobs (job_id, manifest, launcher, exchange, recording, jury, chain_id, escrow, funded_minor)
values (%(job_id)s, %(manifest)s, %(launcher)s, %(exchange)s, %(recording)s, %(jury)s, %(chain_id)s, %(escrow)s,
        %(funded_minor)s);

-- name: lock_job
select job_id, manifest, launcher, exchange, recording, jury, chain_id, escrow, funded_minor, state, evidence_blobs, learned,
       package_blob, package_hash, payouts, payouts_blob
from reputation.jobs where job_id = %(job_id)s for update;

-- name: read_job
select job_id, manifest, launcher, exchange, recording, jury, chain_id, escrow, funded_minor, state, evidence_blobs, learned,
       package_blob, package_hash, payouts, payouts_blob
from reputation.jobs where job_id = %(job_id)s;

-- name: job_of_escrow
select job_id from reputation.jobs where chain_id = %(chain_id)s and escrow = %(escrow)s;

-- name: add_holdback
insert into reputation.holdback (job_id, doc_id, truth_blob) values (%(job_id)s, %(doc_id)s, %(truth_blob)s)
on conflict do nothing;

-- name: holdback_of
select doc_id, truth_blob from reputation.holdback where job_id = %(job_id)s order by doc_id;

-- name: add_ruling
insert into reputation.rulings (job_id, case_id, jurors_paid_minor) values (%(job_id)s, %(case_id)s, %(paid)s);

-- name: rulings_of
select jurors_paid_minor from reputation.rulings where job_id = %(job_id)s order by case_id;

-- name: add_appeal
insert into reputation.appeals (job_id, appeal_id, ruling) values (%(job_id)s, %(appeal_id)s, %(ruling)s)
on conflict do nothing;

-- name: appeals_of
select ruling from reputation.appeals where job_id = %(job_id)s order by appeal_id;

-- name: set_recorded
update reputation.jobs set evidence_blobs = %(evidence_blobs)s, learned = %(learned)s where job_id = %(job_id)s;

-- name: set_package
update reputation.jobs set package_blob = %(package_blob)s, package_hash = %(package_hash)s where job_id = %(job_id)s;

-- name: set_state
update reputation.jobs set state = %(state)s where job_id = %(job_id)s;

-- name: set_payouts
update reputation.jobs
set state = 'reserving', payouts = %(payouts)s, payouts_blob = %(payouts_blob)s, chunks = %(chunks)s
where job_id = %(job_id)s;

-- name: standings_of
select worker, right_micro, wrong_micro, at_ms, cause, types from reputation.standings
where skill = %(skill)s and worker = any(%(workers)s) for update;

-- name: add_outcome
insert into reputation.outcomes
    (job_id, worker, skill, cause, was_right, weight_bp, right_micro, wrong_micro, at_ms, position, answer_type)
values (%(job_id)s, %(worker)s, %(skill)s, %(cause)s, %(was_right)s, %(weight_bp)s, %(right_micro)s, %(wrong_micro)s,
        %(at_ms)s, %(position)s, %(answer_type)s);

-- name: lock_standings
-- Held to the end of the transaction: standings, what newcomers are believed, and links are read and written by one.
select pg_advisory_xact_lock(hashtext('reputation.standings'));

-- name: first_outcomes
-- (right, wrong) of each worker's first judged answers in a skill, of one kind of people.
select count(*) filter (where was_right), count(*) filter (where not was_right)
from (
    select worker, was_right, row_number() over (partition by worker order by outcome_no) as nth
    from reputation.outcomes
    where skill = %(skill)s and was_right is not null
      and job_id in (select job_id from reputation.jobs where convert_from(manifest, 'UTF8')::jsonb ->> 'crowd' = %(crowd)s)
) judged
where nth <= %(most)s
group by worker;

-- name: events_of
-- Everything that moved standings in a skill, in the order in which it did.
select worker, was_right, weight_bp, right_micro, wrong_micro, cause, at_ms, answer_type
from reputation.outcomes where skill = %(skill)s order by outcome_no;

-- name: links
select worker, link_group, cleared_by from reputation.links;

-- name: next_link_no
select coalesce(max(link_no), 0) + 1 from reputation.links;

-- name: put_link
insert into reputation.links (worker, link_group, link_no, job_id, because, cleared_by, at_ms)
values (%(worker)s, %(group)s, %(link_no)s, %(job_id)s, %(because)s, %(cleared_by)s, %(now_ms)s)
on conflict (worker) do update
set link_group = excluded.link_group, link_no = excluded.link_no, job_id = excluded.job_id, because = excluded.because,
    cleared_by = excluded.cleared_by, at_ms = excluded.at_ms;

-- name: members_of
select worker, job_id from reputation.links where link_group = %(group)s and link_group <> '' order by worker;

-- name: links_told
select worker, link_group as group, job_id, because, cleared_by, at_ms from reputation.links
order by at_ms desc, link_group, worker;

-- name: signs_told
select sign.job_id, sign.position, sign.kind, sign.workers, sign.says, sign.evidence, sign.cleared_by,
       sign.cleared_because
from reputation.signs sign
join (select job_id, max(outcome_no) as newest from reputation.outcomes group by job_id) job on job.job_id = sign.job_id
order by job.newest desc, sign.position
limit %(most)s;

-- name: signs_of_job
select job_id, position, kind, workers, says, evidence, cleared_by, cleared_because from reputation.signs
where job_id = %(job_id)s order by position;

-- name: clear_sign
-- Once: the first reason stands. A sign of several workers is undone with their link.
update reputation.signs set cleared_by = %(by)s, cleared_because = %(because)s, cleared_at_ms = %(now_ms)s
where job_id = %(job_id)s and position = %(position)s and cleared_by = '' and cardinality(workers) = 1
returning position;

-- name: put_standing
insert into reputation.standings (worker, skill, right_micro, wrong_micro, at_ms, score_bp, mean_bp, cause, types)
values (%(worker)s, %(skill)s, %(right_micro)s, %(wrong_micro)s, %(at_ms)s, %(score_bp)s, %(mean_bp)s, %(cause)s,
        %(types)s::jsonb)
on conflict (worker, skill) do update
set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro, at_ms = excluded.at_ms,
    score_bp = excluded.score_bp, mean_bp = excluded.mean_bp, cause = excluded.cause, types = excluded.types;

-- name: add_reference
insert into reputation.reference (job_id, category, pieces, answers, effort_ms, right_pieces, judged_pieces)
values (%(job_id)s, %(category)s, %(pieces)s, %(answers)s, %(effort_ms)s, %(right_pieces)s, %(judged_pieces)s)
on conflict do nothing;

-- name: reference_rows
select category, pieces, answers, effort_ms, right_pieces, judged_pieces from reputation.reference;

-- name: causes_of
select skill, was_right, cause, at_ms, job_id from reputation.outcomes
where worker = %(worker)s and was_right is not null order by at_ms desc, position desc limit %(most)s;

-- name: escrows
select job_id, chain_id, escrow from reputation.jobs order by job_id;

-- name: add_sign
insert into reputation.signs (job_id, position, kind, workers, says, evidence)
values (%(job_id)s, %(position)s, %(kind)s, %(workers)s, %(says)s, %(evidence)s::jsonb);

-- name: one_learning_at_a_time
-- Two jobs that end at once may both name a worker: the second looks when the first has written.
select pg_advisory_xact_lock(hashtext('reputation.learning_paid'));

-- name: was_paid_for_learning
select exists (select from reputation.learning_paid
               where worker = %(worker)s and skill = %(skill)s and part = %(part)s and version = %(version)s);

-- name: paid_for_learning
insert into reputation.learning_paid (worker, skill, part, version, job_id)
values (%(worker)s, %(skill)s, %(part)s, %(version)s, %(job_id)s);

-- name: jobs_under_way
-- Judged, and not ended by the chain's word.
select job_id from reputation.jobs where state in ('reserving', 'paying', 'completing') order by job_id;
