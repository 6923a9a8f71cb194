-- What came with the pages, and a second round.
--
-- text_blob: the words of a born-digital page, one more reader; '' = a scan.
-- rounds: how often a job's fields were checked before it was declared complete.
alter table exchange.pages add column text_blob text not null default '';
alter table exchange.jobs add column rounds smallint not null default 0 check (rounds between 0 and 2);
