-- Everybody who signs in has an account here, not workers alone: `worker` is the account's address, whatever its roles.
-- One may come in by name and password, passkey, wallet or e-mail link; programs come in with keys. Nothing here opens
-- anything when it is read: passwords, keys, sessions and tickets are kept as hashes, passkeys as public keys.

-- password_hash '' fits no password. wallet_sealed null = the person keeps the key of this address themselves.
alter table exchange.accounts alter column password_hash set default '';
alter table exchange.accounts alter column wallet_sealed drop not null;
alter table exchange.accounts add column roles text[] not null default '{worker}'
    check (roles <@ '{worker,requester,operator,workpool}'::text[]);

-- way: how the person came in; device: what its browser called itself, shortened, so that one's own sessions can be
-- told apart.
alter table exchange.sessions add column way text not null default 'password'
    check (way in ('password', 'passkey', 'wallet', 'email', 'link'));
alter table exchange.sessions add column device text not null default '';

-- Keys of programs. key_id names a key and opens nothing; expires_at_ms null = until it is ended.
create table exchange.api_keys (
    key_hash       text   primary key,
    key_id         text   not null unique,
    worker         text   not null references exchange.accounts,
    name           text   not null,
    scopes         text[] not null check (scopes <> '{}'),
    created_at_ms  bigint not null,
    expires_at_ms  bigint
);
create index api_keys_by_worker on exchange.api_keys (worker);

create table exchange.passkeys (
    credential_id  bytea  primary key,
    worker         text   not null references exchange.accounts,
    public_key     bytea  not null,
    sign_count     bigint not null,
    name           text   not null,
    created_at_ms  bigint not null,
    used_at_ms     bigint
);
create index passkeys_by_worker on exchange.passkeys (worker);

-- Wallets that sign in to an account; the account's own address among them when the person keeps its key.
create table exchange.wallets (
    wallet         text   primary key check (wallet ~ '^0x[0-9a-f]{40}$'),
    worker         text   not null references exchange.accounts,
    created_at_ms  bigint not null
);
create index wallets_by_worker on exchange.wallets (worker);

-- Addresses that were proved by opening a link sent to them. email_key: by what addresses are told apart.
create table exchange.emails (
    email_key      text   primary key,
    email          text   not null,
    worker         text   not null references exchange.accounts,
    created_at_ms  bigint not null
);
create index emails_by_worker on exchange.emails (worker);

-- What may be used once, soon: nonces of wallets, challenges of passkeys, links. Using it deletes it.
create table exchange.tickets (
    ticket_hash    text   primary key,
    kind           text   not null check (kind in ('wallet', 'passkey', 'link')),
    about          jsonb  not null,
    expires_at_ms  bigint not null
);
create index tickets_by_expiry on exchange.tickets (expires_at_ms);
