-- The books: double entry in whole minor units, one book per role that keeps one.
--
-- Rules that the tables hold by themselves, whatever a program does:
-- - the entries of a posting sum to 0 in its currency, and there are at least two;
-- - money moves only between the accounts that its kind allows (table ledger.flows);
-- - no account but a requester's falls below 0;
-- - an intention (pending) may not promise what is not there or is promised already;
-- - nothing written is changed or deleted; a posting only goes from pending to posted or voided.

-- Which side of which accounts a kind of money may touch. side: -1 gives, +1 takes.
create table ledger.flows (
    kind     text     not null,
    account  text     not null,   -- the part of the account's name before the first colon
    side     smallint not null check (side in (-1, 1)),
    primary key (kind, account, side)
);

insert into ledger.flows (kind, account, side) values
    ('funding',        'requester', -1), ('funding',        'escrow',    1), ('funding',   'fees', 1),
    ('reserve',        'escrow',    -1), ('reserve',        'reserved',  1),
    ('bonus',          'escrow',    -1), ('bonus',          'reserved',  1),
    ('top_up',         'escrow',    -1), ('top_up',         'reserved',  1),
    ('release',        'reserved',  -1), ('release',        'escrow',    1),
    ('payout',         'reserved',  -1), ('payout',         'worker',    1),
    ('credit',         'reserved',  -1), ('credit',         'credit',    1),
    ('claim',          'credit',    -1), ('claim',          'worker',    1),
    ('refund',         'escrow',    -1), ('refund',         'requester', 1),
    ('fee',            'fees',      -1), ('fee',            'fee',       1),
    ('fee_returned',   'fees',      -1), ('fee_returned',   'escrow',    1),
    ('stake',          'requester', -1), ('stake',          'stake',     1),
    ('stake_returned', 'stake',     -1), ('stake_returned', 'requester', 1),
    ('slash',          'stake',     -1), ('slash',          'worker',    1), ('slash', 'fee', 1);

create table ledger.postings (
    job_id         text   not null,                             -- '' for what belongs to no job, such as a stake
    book           text   not null check (book <> ''),
    posting_id     text   not null check (posting_id <> ''),
    kind           text   not null,
    currency       text   not null check (currency <> ''),
    state          text   not null check (state in ('pending', 'posted', 'voided')),
    because        text   not null check (because <> ''),
    content_hash   text   not null check (content_hash ~ '^[0-9a-f]{64}$'),
    corrects       text,                                        -- the posting that this one takes back
    void_because   text   not null default '',
    written_at_ms  bigint not null,
    settled_at_ms  bigint,
    written_no     bigint generated always as identity,
    primary key (job_id, book, posting_id),
    check ((kind = 'correction') = (corrects is not null)),
    check ((state = 'voided') = (void_because <> '')),
    check ((state = 'pending') = (settled_at_ms is null))
);

-- A posting is taken back once.
create unique index corrected_once on ledger.postings (job_id, book, corrects) where corrects is not null;
create index pending_postings on ledger.postings (book, job_id) where state = 'pending';

create table ledger.entries (
    job_id        text          not null,
    book          text          not null,
    posting_id    text          not null,
    line          integer       not null check (line > 0),
    account       text          not null check (account ~ '^[a-z_]+:.+'),
    amount_minor  numeric(78, 0) not null check (amount_minor <> 0),
    primary key (job_id, book, posting_id, line),
    foreign key (job_id, book, posting_id) references ledger.postings (job_id, book, posting_id)
);

create index entries_of_account on ledger.entries (book, account, job_id, posting_id);

-- What every account holds, kept by the triggers below; `recount` compares it with the entries.
-- held_minor: what pending postings will take from it.
create table ledger.accounts (
    book          text           not null,
    account       text           not null,
    currency      text           not null,
    posted_minor  numeric(78, 0) not null default 0,
    held_minor    numeric(78, 0) not null default 0,
    primary key (book, account, currency),
    constraint account_is_not_overdrawn check (account like 'requester:%' or posted_minor >= 0),
    constraint held_is_not_negative check (held_minor >= 0)
);

-- Applies amounts to accounts. They are locked in the order of their names, so that two transactions cannot wait for each
-- other. (Not by one upsert: a CHECK is tried on the row proposed for insertion, before the conflict is found.)
create function ledger.apply(
    its_book text, its_job_id text, its_posting_id text, its_currency text, posts boolean, holds integer
) returns void language sql as $$
    insert into ledger.accounts (book, account, currency)
    select distinct its_book, account, its_currency
    from ledger.entries
    where job_id = its_job_id and book = its_book and posting_id = its_posting_id
    order by account
    on conflict (book, account, currency) do nothing;

    select 1
    from ledger.accounts
    where book = its_book and currency = its_currency and account in (
        select account from ledger.entries
        where job_id = its_job_id and book = its_book and posting_id = its_posting_id
    )
    order by account
    for update;

    update ledger.accounts as held set
        posted_minor = held.posted_minor + case when posts then moved.total_minor else 0 end,
        held_minor = held.held_minor + holds * moved.given_minor
    from (
        select
            account,
            sum(amount_minor) as total_minor,
            sum(case when amount_minor < 0 then -amount_minor else 0 end) as given_minor
        from ledger.entries
        where job_id = its_job_id and book = its_book and posting_id = its_posting_id
        group by account
    ) as moved
    where held.book = its_book and held.account = moved.account and held.currency = its_currency;
$$;

-- Deferred to the end of the transaction, when all entries are there.
create function ledger.check_posting() returns trigger language plpgsql as $$
declare
    found record;
begin
    select count(*) as lines, coalesce(sum(amount_minor), 0) as total into found
    from ledger.entries
    where job_id = new.job_id and book = new.book and posting_id = new.posting_id;
    if found.lines < 2 or found.total <> 0 then
        raise exception 'posting % of book % has % entries that sum to %', new.posting_id, new.book, found.lines, found.total
            using errcode = 'check_violation', constraint = 'entries_sum_to_zero';
    end if;
    return null;
end;
$$;

create constraint trigger postings_balance after insert on ledger.postings
    deferrable initially deferred for each row execute function ledger.check_posting();
create constraint trigger entries_balance after insert on ledger.entries
    deferrable initially deferred for each row execute function ledger.check_posting();

create function ledger.check_flow() returns trigger language plpgsql as $$
declare
    its record;
begin
    select kind, state into its from ledger.postings
    where job_id = new.job_id and book = new.book and posting_id = new.posting_id;
    if its.kind <> 'correction' and not exists (
        select from ledger.flows
        where kind = its.kind and account = split_part(new.account, ':', 1) and side = sign(new.amount_minor)
    ) then
        raise exception '% may not move % on %', its.kind, new.amount_minor, new.account
            using errcode = 'check_violation', constraint = 'flow_is_allowed';
    end if;
    return new;
end;
$$;

create trigger entries_flow before insert on ledger.entries for each row execute function ledger.check_flow();

-- Entries come in one statement per posting; together they change the accounts.
create function ledger.apply_new_entries() returns trigger language plpgsql as $$
declare
    its record;
begin
    for its in
        select distinct posting.book, posting.job_id, posting.posting_id, posting.currency, posting.state
        from added join ledger.postings as posting using (job_id, book, posting_id)
    loop
        if its.state = 'voided' then
            raise exception 'posting % is voided already', its.posting_id using errcode = 'check_violation';
        end if;
        perform ledger.apply(its.book, its.job_id, its.posting_id, its.currency, its.state = 'posted',
                             case its.state when 'pending' then 1 else 0 end);
        if its.state = 'pending' and exists (
            select
            from ledger.entries as entry
            join ledger.accounts as held
                on held.book = entry.book and held.account = entry.account and held.currency = its.currency
            where entry.job_id = its.job_id and entry.book = its.book and entry.posting_id = its.posting_id
              and entry.amount_minor < 0
              and held.account not like 'requester:%'
              and held.posted_minor < held.held_minor
        ) then
            raise exception 'posting % promises what is not there', its.posting_id
                using errcode = 'check_violation', constraint = 'intention_is_covered';
        end if;
    end loop;
    return null;
end;
$$;

create trigger entries_apply after insert on ledger.entries
    referencing new table as added for each statement execute function ledger.apply_new_entries();

create function ledger.settle_posting() returns trigger language plpgsql as $$
begin
    if (old.job_id, old.book, old.posting_id, old.kind, old.currency, old.because, old.content_hash, old.written_at_ms)
        is distinct from
       (new.job_id, new.book, new.posting_id, new.kind, new.currency, new.because, new.content_hash, new.written_at_ms)
       or old.state <> 'pending' or new.state not in ('posted', 'voided')
    then
        raise exception 'posting % is written and stays as it is', old.posting_id
            using errcode = 'check_violation', constraint = 'postings_stay';
    end if;
    perform ledger.apply(new.book, new.job_id, new.posting_id, new.currency, new.state = 'posted', -1);
    return new;
end;
$$;

create trigger postings_settle before update on ledger.postings
    for each row execute function ledger.settle_posting();

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the books are only added to; correct with a new posting'
        using errcode = 'check_violation', constraint = 'postings_stay';
end;
$$;

create trigger postings_stay before delete on ledger.postings for each row execute function ledger.refuse_change();
create trigger entries_stay before update or delete on ledger.entries for each row execute function ledger.refuse_change();
create trigger postings_not_emptied before truncate on ledger.postings execute function ledger.refuse_change();
create trigger entries_not_emptied before truncate on ledger.entries execute function ledger.refuse_change();
