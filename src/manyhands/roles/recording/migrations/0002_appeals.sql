-- Rulings on appeals with their signatures: extra pay is allowed only as far as these and the own records go.
create table recording.appeals (
    job_id     text  not null references recording.jobs,
    appeal_id  text  not null,
    ruling     bytea not null,
    primary key (job_id, appeal_id)
);
