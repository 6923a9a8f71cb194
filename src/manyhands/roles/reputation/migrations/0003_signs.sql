-- What somebody should look at: named with its counts, on nobody's pay.
create table reputation.signs (
    job_id    text   not null references reputation.jobs,
    position  integer not null,
    kind      text   not null,
    workers   text[] not null check (cardinality(workers) > 0),
    says      text   not null,
    evidence  jsonb  not null,
    primary key (job_id, position)
);
