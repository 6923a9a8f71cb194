-- What an operator lets a requester owe. The money itself stands in the books (ledger, book "purse").
create table launcher.purses (
    requester     text    primary key,
    currency      text    not null,
    limit_minor   bigint  check (limit_minor >= 0),          -- null = the operator's default
    set_by        text    not null default '',
    because       text    not null default '',
    changed_at_ms bigint  not null,
    change_no     integer not null default 0,                 -- counts the loans raised and lowered
    first_at_ms   bigint  not null
);
