-- Standings by answer type: type -> [right_micro, wrong_micro]. {} = no type was ever told.
alter table recording.workers add column types jsonb not null default '{}';
alter table recording.standings add column types jsonb not null default '{}';
