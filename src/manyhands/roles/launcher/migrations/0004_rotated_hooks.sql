-- A webhook's secret can be made anew: its key follows from hook_id and secret_no. The one before signs beside it for a day.
alter table launcher.hooks
    add column secret_no     integer not null default 0 check (secret_no >= 0),
    add column rotated_at_ms bigint;
