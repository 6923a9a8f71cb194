-- Standings by answer type, from the same log: type -> [right_micro, wrong_micro]; '' = answers from before types were told.
alter table reputation.outcomes add column answer_type text not null default '';
alter table reputation.standings add column types jsonb not null default '{}';
