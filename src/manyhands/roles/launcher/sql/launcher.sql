-- name: lock_request
-- Two launches of one request that arrive together: the second waits here and then finds the first.
select pg_advisory_xact_lock(hashtextextended('launcher.request:' || %(requester)s || ':' || %(request_key)s, 0));

-- name: last_of_request
select job_id, attempt, request_hash, state from launcher.jobs
where requester = %(requester)s and request_key = %(request_key)s order by attempt desc limit 1;

-- name: add_job
insert into launcher.jobs (job_id, requester, request_key, attempt, request_hash, manifest, manifest_blob, quote,
                           quote_minor, workers_needed, created_at_ms)
values (%(job_id)s, %(requester)s, %(request_key)s, %(attempt)s, %(request_hash)s, %(manifest)s, %(manifest_blob)s,
        %(quote)s, %(quote_minor)s, %(workers_needed)s, %(created_at_ms)s);

-- name: add_document
insert into launcher.documents (job_id, doc_id, place, kind, content_hash, pages, page_count, truth_blob)
values (%(job_id)s, %(doc_id)s, %(place)s, %(kind)s, %(content_hash)s, %(pages)s, %(page_count)s, %(truth_blob)s);

-- name: move
-- The only statement that changes a state. No row comes back when the life cycle has no such move.
update launcher.jobs as job set state = moves.to_state, because = %(because)s
from launcher.moves
where job.job_id = %(job_id)s and moves.from_state = job.state and moves.verb = %(verb)s
returning moves.to_state;

-- name: add_event
insert into launcher.events (job_id, at_ms, name, because) values (%(job_id)s, %(at_ms)s, %(name)s, %(because)s)
returning event_no;

-- name: lock_job
select job_id, requester, state, because, manifest, manifest_blob, quote, workers_needed, created_at_ms, approved_at_ms,
       router, route_attempt, avoid_chain_ids, routing, launch_tx, escrow, token, funded_minor, cancel_because, judged,
       settled
from launcher.jobs where job_id = %(job_id)s for update;

-- name: read_job
select job_id, requester, state, because, manifest, manifest_blob, quote, workers_needed, created_at_ms, approved_at_ms,
       router, route_attempt, avoid_chain_ids, routing, launch_tx, escrow, token, funded_minor, cancel_because, judged,
       settled
from launcher.jobs where job_id = %(job_id)s;

-- name: set_approved
update launcher.jobs set approved_at_ms = %(at_ms)s where job_id = %(job_id)s;

-- name: set_route_asked
update launcher.jobs set router = %(router)s, route_attempt = %(attempt)s, avoid_chain_ids = %(avoid)s
where job_id = %(job_id)s;

-- name: set_routing
update launcher.jobs set routing = %(routing)s, route_envelope = %(envelope)s where job_id = %(job_id)s;

-- name: set_launch_tx
update launcher.jobs set launch_tx = %(tx_hash)s where job_id = %(job_id)s;

-- name: set_escrow
update launcher.jobs set escrow = %(escrow)s, token = %(token)s, funded_minor = %(funded_minor)s
where job_id = %(job_id)s;

-- name: set_cancel
update launcher.jobs set cancel_because = %(because)s, cancel_at_ms = %(at_ms)s
where job_id = %(job_id)s and cancel_because is null;

-- name: silent_cancellations
-- Cancelled long ago, and no oracle has ended them: the chain is asked as well.
select job_id, routing, escrow from launcher.jobs
where state = 'cancelling' and cancel_tx is null and cancel_at_ms <= %(before_ms)s
order by cancel_at_ms limit 100 for update skip locked;

-- name: set_cancel_tx
update launcher.jobs set cancel_tx = %(tx_hash)s where job_id = %(job_id)s;

-- name: set_judged
update launcher.jobs set judged = %(judged)s where job_id = %(job_id)s;

-- name: set_settled
update launcher.jobs set settled = %(settled)s, paid_minor = %(paid_minor)s where job_id = %(job_id)s;

-- name: documents_of
select doc_id, kind, content_hash, pages, page_count, truth_blob from launcher.documents
where job_id = %(job_id)s order by place;

-- name: events_of
select at_ms, name, because from launcher.events where job_id = %(job_id)s order by event_no;

-- name: list_jobs
select job_id, state, manifest, quote_minor, funded_minor, paid_minor, created_at_ms from launcher.jobs
where (%(requester)s::text is null or requester = %(requester)s)
order by created_at_ms desc, job_id limit %(limit)s;

-- name: route_envelope_of
select route_envelope from launcher.jobs where job_id = %(job_id)s;

-- name: moves
select from_state, verb, to_state from launcher.moves;

-- name: funding_into
-- The job that an escrow was made for and is not open yet.
select job_id, made_token from launcher.jobs where made_escrow = %(escrow)s and state = 'funding';

-- name: set_made
-- The escrow of a job with a daily cap, made and not funded yet. No row when it was known already.
update launcher.jobs set made_escrow = %(escrow)s, made_token = %(token)s
where job_id = %(job_id)s and made_escrow = '' returning job_id;

-- name: promised_to_capped
-- What jobs with a daily cap will still be funded with in one currency, whose escrows are being made: no signed transaction holds it yet.
select coalesce(sum(quote_minor), 0) from launcher.jobs
where state = 'funding' and made_escrow = ''
  and convert_from(manifest, 'UTF8')::jsonb #>> '{pay,currency}' = %(currency)s
  and jsonb_exists(convert_from(manifest, 'UTF8')::jsonb, 'daily_cap_parts');
