-- Ways to sign in beside name and password: keys of programs, passkeys, wallets, e-mail links.

-- name: add_key
insert into exchange.api_keys (key_hash, key_id, worker, name, scopes, created_at_ms, expires_at_ms)
values (%(key_hash)s, %(key_id)s, %(worker)s, %(name)s, %(scopes)s, %(now_ms)s, %(expires_at_ms)s);

-- name: count_keys
select count(*) from exchange.api_keys where worker = %(worker)s;

-- name: key
select account.worker, account.name, account.simulated, account.roles, key.scopes, key.created_at_ms, key.expires_at_ms
from exchange.api_keys key join exchange.accounts account on account.worker = key.worker
where key.key_hash = %(key_hash)s and (key.expires_at_ms is null or key.expires_at_ms > %(now_ms)s);

-- name: keys_of
select key_id, name, scopes, created_at_ms, expires_at_ms from exchange.api_keys
where worker = %(worker)s order by created_at_ms desc, key_id;

-- name: end_key
delete from exchange.api_keys where worker = %(worker)s and key_id = %(key_id)s returning key_hash;

-- name: add_ticket
insert into exchange.tickets (ticket_hash, kind, about, expires_at_ms)
values (%(ticket_hash)s, %(kind)s, %(about)s, %(expires_at_ms)s);

-- name: take_ticket
-- Two who come at once: one deletes the row, the other finds none.
delete from exchange.tickets where ticket_hash = %(ticket_hash)s and kind = %(kind)s
returning about, expires_at_ms;

-- name: forget_tickets
delete from exchange.tickets where expires_at_ms <= %(now_ms)s;

-- name: add_passkey
insert into exchange.passkeys (credential_id, worker, public_key, sign_count, name, created_at_ms)
values (%(credential_id)s, %(worker)s, %(public_key)s, %(sign_count)s, %(name)s, %(now_ms)s)
on conflict do nothing
returning worker;

-- name: passkey
select worker, public_key, sign_count from exchange.passkeys where credential_id = %(credential_id)s for update;

-- name: passkey_used
update exchange.passkeys set sign_count = %(sign_count)s, used_at_ms = %(now_ms)s
where credential_id = %(credential_id)s;

-- name: passkeys_of
select encode(credential_id, 'hex') as passkey_id, name, created_at_ms, used_at_ms from exchange.passkeys
where worker = %(worker)s order by created_at_ms;

-- name: end_passkey
delete from exchange.passkeys where worker = %(worker)s and encode(credential_id, 'hex') = %(passkey_id)s
returning name;

-- name: add_wallet
insert into exchange.wallets (wallet, worker, created_at_ms) values (%(wallet)s, %(worker)s, %(now_ms)s)
on conflict do nothing
returning worker;

-- name: owner_of_wallet
select worker from exchange.wallets where wallet = %(wallet)s;

-- name: wallets_of
select wallet, created_at_ms from exchange.wallets where worker = %(worker)s order by created_at_ms;

-- name: add_email
insert into exchange.emails (email_key, email, worker, created_at_ms)
values (%(email_key)s, %(email)s, %(worker)s, %(now_ms)s)
on conflict do nothing
returning worker;

-- name: owner_of_email
select worker from exchange.emails where email_key = %(email_key)s;

-- name: emails_of
select email, created_at_ms from exchange.emails where worker = %(worker)s order by created_at_ms;

-- name: has_password
select password_hash <> '' from exchange.accounts where worker = %(worker)s;

-- name: keeps_wallet
select wallet_sealed is not null from exchange.accounts where worker = %(worker)s;

-- name: lock_account
select 1 from exchange.accounts where worker = %(worker)s for update;
