-- When an act that the chain refused for now may be tried again: not at once, or every round would be refused anew.
alter table recording.acts add column not_before_ms bigint not null default 0;
