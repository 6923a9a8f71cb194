-- What a change's cause says in figures ({right, judged, taken_back, practice_right, practice_asked}), so that a page can
-- say it in its reader's language. Changes of before have none: their sentence is shown as it was told.
alter table exchange.standing_changes add column counts jsonb not null default '{}';
