-- Accounts, sessions and standing of workers.

-- name: add_account
insert into exchange.accounts (worker, name, name_key, password_hash, wallet_sealed, simulated, roles, created_at_ms)
values (%(worker)s, %(name)s, %(name_key)s, %(password_hash)s, %(wallet_sealed)s, %(simulated)s, %(roles)s, %(now_ms)s)
on conflict do nothing
returning worker;

-- name: account_by_name
select worker, name, simulated, roles, password_hash from exchange.accounts where name_key = %(name_key)s;

-- name: account_of
select worker, name, simulated, roles from exchange.accounts where worker = %(worker)s;

-- name: count_people
-- People who can be lent work: signed up, not simulated.
select count(*) from exchange.accounts where not simulated;

-- name: give_role
update exchange.accounts set roles = array_append(roles, %(role)s)
where worker = %(worker)s and not %(role)s = any (roles);

-- name: set_password
update exchange.accounts set password_hash = %(password_hash)s where worker = %(worker)s;

-- name: forget_wallet
-- The person keeps the key themselves from now on.
update exchange.accounts set wallet_sealed = null where worker = %(worker)s and wallet_sealed is not null
returning worker;

-- name: wallet_of
select wallet_sealed from exchange.accounts where worker = %(worker)s;

-- name: add_session
insert into exchange.sessions (token_hash, worker, created_at_ms, expires_at_ms, way, device)
values (%(token_hash)s, %(worker)s, %(now_ms)s, %(expires_at_ms)s, %(way)s, %(device)s);

-- name: session
select account.worker, account.name, account.simulated, account.roles, session.created_at_ms, session.expires_at_ms
from exchange.sessions session join exchange.accounts account on account.worker = session.worker
where session.token_hash = %(token_hash)s and session.expires_at_ms > %(now_ms)s;

-- name: sessions_of
select token_hash as session_id, created_at_ms, expires_at_ms, way, device from exchange.sessions
where worker = %(worker)s and expires_at_ms > %(now_ms)s order by created_at_ms desc;

-- name: end_session
delete from exchange.sessions where token_hash = %(token_hash)s;

-- name: end_other_sessions
delete from exchange.sessions where worker = %(worker)s and token_hash <> %(token_hash)s returning token_hash;

-- name: end_session_of
delete from exchange.sessions where worker = %(worker)s and token_hash = %(session_id)s returning token_hash;

-- name: end_outlived_sessions
delete from exchange.sessions where expires_at_ms <= %(now_ms)s;

-- name: count_failure
insert into exchange.sign_in_failures as seen (name_key, window_no, failures)
values (%(name_key)s, %(window_no)s, 1)
on conflict (name_key, window_no) do update set failures = seen.failures + 1;

-- name: failures
select coalesce(max(failures), 0) from exchange.sign_in_failures
where name_key = %(name_key)s and window_no = %(window_no)s;

-- name: forget_failures
delete from exchange.sign_in_failures where window_no < %(window_no)s;

-- name: put_standing
insert into exchange.standings (worker, skill, right_micro, wrong_micro, score_bp, because, at_ms, types)
values (%(worker)s, %(skill)s, %(right_micro)s, %(wrong_micro)s, %(score_bp)s, %(because)s, %(at_ms)s, %(types)s::jsonb)
on conflict (worker, skill) do update
set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro, score_bp = excluded.score_bp,
    because = excluded.because, at_ms = excluded.at_ms, types = excluded.types
where exchange.standings.at_ms <= excluded.at_ms;

-- name: put_prior
insert into exchange.priors (task_type, simulated, right_micro, wrong_micro)
values (%(task_type)s, %(simulated)s, %(right_micro)s, %(wrong_micro)s)
on conflict (task_type, simulated) do update
set right_micro = excluded.right_micro, wrong_micro = excluded.wrong_micro;

-- name: priors
select task_type, simulated, right_micro, wrong_micro from exchange.priors;

-- name: standings_of
select skill, score_bp, right_micro / 1000 as right_milli, wrong_micro / 1000 as wrong_milli, because, at_ms, types
from exchange.standings where worker = %(worker)s order by skill;

-- name: requesters
select worker, name from exchange.accounts where roles @> '{requester}' order by created_at_ms desc, worker limit %(limit)s;
