-- name: find_posting
select state, content_hash, void_because
from ledger.postings
where job_id = %(job_id)s and book = %(book)s and posting_id = %(posting_id)s
for update;

-- name: write_posting
insert into ledger.postings
    (job_id, book, posting_id, kind, currency, state, because, content_hash, corrects, written_at_ms, settled_at_ms)
values
    (%(job_id)s, %(book)s, %(posting_id)s, %(kind)s, %(currency)s, %(state)s, %(because)s, %(content_hash)s,
     %(corrects)s, %(now_ms)s, case when %(state)s = 'posted' then %(now_ms)s::bigint end)
on conflict (job_id, book, posting_id) do nothing
returning posting_id;

-- name: write_entries
insert into ledger.entries (job_id, book, posting_id, line, account, amount_minor)
select %(job_id)s, %(book)s, %(posting_id)s, entry.line, entry.account, entry.amount_minor
from unnest(%(accounts)s::text[], %(amounts_minor)s::numeric[]) with ordinality as entry (account, amount_minor, line);

-- name: settle_posting
update ledger.postings
set state = %(state)s, settled_at_ms = %(now_ms)s, void_because = %(void_because)s
where job_id = %(job_id)s and book = %(book)s and posting_id = %(posting_id)s and state = 'pending'
returning posting_id;

-- name: account_balance
select posted_minor, held_minor
from ledger.accounts
where book = %(book)s and account = %(account)s and currency = %(currency)s;

-- name: account_balances
select account, currency, posted_minor, held_minor
from ledger.accounts
where book = %(book)s and (%(account_like)s::text is null or account like %(account_like)s)
order by account, currency;

-- name: account_statement
-- Every movement of an account in the order written, with what it then held. Pending and voided ones hold nothing.
select
    posting.job_id,
    posting.posting_id,
    posting.kind,
    posting.currency,
    posting.state,
    posting.because,
    entry.amount_minor,
    sum(case when posting.state = 'posted' then entry.amount_minor else 0 end)
        over (partition by posting.currency order by posting.written_no, entry.line) as balance_minor,
    posting.written_at_ms
from ledger.entries as entry
join ledger.postings as posting using (job_id, book, posting_id)
where entry.book = %(book)s
  and entry.account = %(account)s
  and (%(currency)s::text is null or posting.currency = %(currency)s)
  and (%(job_id)s::text is null or posting.job_id = %(job_id)s)
order by posting.written_no, entry.line
limit %(limit)s;

-- name: entries_of_posting
select entry.account, entry.amount_minor
from ledger.entries as entry
where entry.job_id = %(job_id)s and entry.book = %(book)s and entry.posting_id = %(posting_id)s
order by entry.line;

-- name: posting_of
select kind, currency, state
from ledger.postings
where job_id = %(job_id)s and book = %(book)s and posting_id = %(posting_id)s;

-- name: pending_postings
select job_id, posting_id, kind, currency, because, written_at_ms
from ledger.postings
where book = %(book)s and state = 'pending' and (%(job_id)s::text is null or job_id = %(job_id)s)
order by written_no;

-- name: recount_accounts
-- Accounts whose kept amounts differ from what their entries say, and books that do not sum to 0.
with counted as (
    select
        entry.book,
        entry.account,
        posting.currency,
        sum(case when posting.state = 'posted' then entry.amount_minor else 0 end) as posted_minor,
        sum(case when posting.state = 'pending' and entry.amount_minor < 0 then -entry.amount_minor else 0 end) as held_minor
    from ledger.entries as entry
    join ledger.postings as posting using (job_id, book, posting_id)
    group by entry.book, entry.account, posting.currency
)
select book, account, currency,
       coalesce(kept.posted_minor, 0) as kept_minor, coalesce(counted.posted_minor, 0) as counted_minor
from ledger.accounts as kept
full join counted using (book, account, currency)
where (coalesce(kept.posted_minor, 0), coalesce(kept.held_minor, 0))
      <> (coalesce(counted.posted_minor, 0), coalesce(counted.held_minor, 0))
union all
select book, '(sum of the book)', currency, sum(posted_minor), 0
from ledger.accounts
group by book, currency
having sum(posted_minor) <> 0
order by 1, 2, 3;
