-- A person at the operator may take a sign back: it stays in the list with who did it and why, and its worker is told.
alter table reputation.signs
    add column cleared_by      text   not null default '',
    add column cleared_because text   not null default '',
    add column cleared_at_ms   bigint,
    add check ((cleared_by = '') = (cleared_at_ms is null)),
    add check (cleared_by = '' or cleared_because <> '');
