-- name: add_request
insert into router.requests (job_id, launcher, attempt, request, asked_at_ms)
values (%(job_id)s, %(launcher)s, %(attempt)s, %(request)s, %(asked_at_ms)s)
on conflict (job_id, launcher, attempt) do nothing;

-- name: read_request
select request, decision from router.requests
where job_id = %(job_id)s and launcher = %(launcher)s and attempt = %(attempt)s;

-- name: set_decided
-- The first answer stands: no row comes back to whoever comes second.
update router.requests set decision = %(decision)s, decided_at_ms = %(decided_at_ms)s
where job_id = %(job_id)s and launcher = %(launcher)s and attempt = %(attempt)s and decision is null
returning attempt;

-- name: put_health
insert into router.health (chain_id, ok, latency_ms, gas_price_wei, because, at_ms)
values (%(chain_id)s, %(ok)s, %(latency_ms)s, %(gas_price_wei)s, %(because)s, %(at_ms)s)
on conflict (chain_id) do update
set ok = excluded.ok, latency_ms = excluded.latency_ms, gas_price_wei = excluded.gas_price_wei,
    because = excluded.because, at_ms = excluded.at_ms
where router.health.at_ms <= excluded.at_ms;

-- name: health_seen
select chain_id, ok, latency_ms, gas_price_wei, because, at_ms from router.health order by chain_id;
