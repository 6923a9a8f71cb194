-- A table of claims, or of a ledger's lines, that a draft's pages are to be asked about.
--
-- questions: JSON of apps.questions.Questions, as it was read; null = there is none. Its file's name is text to be shown.
alter table desk.drafts
    add column questions      bytea,
    add column questions_name text not null default '';
