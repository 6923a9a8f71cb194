-- name: open_purse
insert into launcher.purses (requester, currency, changed_at_ms, first_at_ms)
values (%(requester)s, %(currency)s, %(now_ms)s, %(now_ms)s) on conflict (requester, currency) do nothing;

-- name: lock_purse
-- Whoever changes what a requester may spend waits here: two launches at once are one after the other.
select limit_minor, change_no from launcher.purses
where requester = %(requester)s and currency = %(currency)s for update;

-- name: purse_of
select limit_minor, set_by, because from launcher.purses
where requester = %(requester)s and currency = %(currency)s;

-- name: set_purse_limit
update launcher.purses set limit_minor = %(limit_minor)s, set_by = %(by)s, because = %(because)s, changed_at_ms = %(now_ms)s
where requester = %(requester)s and currency = %(currency)s;

-- name: set_loan_change
update launcher.purses set change_no = %(change_no)s
where requester = %(requester)s and currency = %(currency)s;

-- name: purses
select requester, currency, limit_minor, set_by, because from launcher.purses
order by changed_at_ms desc, requester, currency limit %(limit)s;

-- name: held_jobs
-- Running jobs of a requester with what each may cost at most.
select job_id, quote_minor, manifest, state from launcher.jobs
where requester = %(requester)s and approved_at_ms is not null and state not in ('refused', 'closed')
order by approved_at_ms desc limit 200;

-- name: is_escrow
select exists (select from launcher.jobs where escrow = %(address)s);
