-- What moved, by account and kind. `book` null = all of the books in `told`, and of the others what belongs to no job.

-- name: moved_by_kind
select
    entry.book, entry.account, posting.currency, posting.kind,
    count(distinct (posting.job_id, posting.posting_id)),
    coalesce(sum(entry.amount_minor) filter (where entry.amount_minor > 0), 0),
    coalesce(-sum(entry.amount_minor) filter (where entry.amount_minor < 0), 0)
from ledger.accounts as held
join ledger.entries as entry on entry.book = held.book and entry.account = held.account
join ledger.postings as posting
    on posting.job_id = entry.job_id and posting.book = entry.book and posting.posting_id = entry.posting_id
    and posting.currency = held.currency
where %(party)s in (split_part(held.account, ':', 2), split_part(held.account, ':', 3))
  and case when %(book)s::text is null then posting.job_id = '' or held.book = any(%(told)s)
           else held.book = %(book)s end
  and posting.state = 'posted'
  and posting.settled_at_ms >= %(since_ms)s and posting.settled_at_ms < %(until_ms)s
group by 1, 2, 3, 4
order by 1, 2, 3, 4;

-- name: standings_at
-- Opening: summed from entries. Closing: what the table keeps for the account, less what came later and what is not told.
select
    held.book, held.account, held.currency,
    coalesce(sum(entry.amount_minor) filter (where told.here and posting.settled_at_ms < %(since_ms)s), 0),
    max(held.posted_minor)
        - coalesce(sum(entry.amount_minor) filter (where not told.here or posting.settled_at_ms >= %(until_ms)s), 0)
from ledger.accounts as held
join ledger.entries as entry on entry.book = held.book and entry.account = held.account
join ledger.postings as posting
    on posting.job_id = entry.job_id and posting.book = entry.book and posting.posting_id = entry.posting_id
    and posting.currency = held.currency
cross join lateral (
    select %(book)s::text is not null or held.book = any(%(told)s) or posting.job_id = '' as here
) as told
where %(party)s in (split_part(held.account, ':', 2), split_part(held.account, ':', 3))
  and (%(book)s::text is null or held.book = %(book)s)
  and posting.state = 'posted'
group by 1, 2, 3
having bool_or(told.here)
order by 1, 2, 3;
