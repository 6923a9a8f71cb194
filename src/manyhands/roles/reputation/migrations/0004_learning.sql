-- Pay for getting ready. learned: what the exchange told of the job's workers, canonical JSON.
alter table reputation.jobs add column learned bytea;

-- Each version of a guide or a practice is paid to a worker once, by whichever job comes first: the key is the rule.
create table reputation.learning_paid (
    worker   text not null,
    skill    text not null,
    part     text not null check (part in ('guide', 'practice')),
    version  text not null check (version <> ''),
    job_id   text not null,
    primary key (worker, skill, part, version)
);
