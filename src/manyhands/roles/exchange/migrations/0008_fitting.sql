-- Work that fits: what a job needs of its workers, and which languages a worker reads.

-- score_least_bp: nobody below it is lent a task of the job. languages: codes of ISO 639; empty = not told.
alter table exchange.jobs add column score_least_bp integer not null default 0
    check (score_least_bp between 0 and 10000);
alter table exchange.wishes add column languages text[] not null default '{}'
    check (cardinality(languages) <= 20);
