-- What was noticed of a worker's own answers in a job: told to them with its counts, objected to, taken back by a person.
--
-- word_no: the reputation oracle's last word on the job's signs holds. words: what the worker says to it, '' = nothing.
-- cleared_because: why a person took it back, '' = nobody has.
create table exchange.signs (
    worker           text   not null,
    job_id           text   not null,
    kind             text   not null,
    says             text   not null,
    evidence         jsonb  not null,
    word_no          bigint not null,
    cleared_because  text   not null default '',
    at_ms            bigint not null,
    words            text   not null default '',
    words_at_ms      bigint,
    primary key (worker, job_id, kind)
);
create index signs_with_words on exchange.signs (words_at_ms) where words <> '';
