-- Rulings on appeals, as the jury signed them: they become part of the payouts file.
create table reputation.appeals (
    job_id     text  not null,
    appeal_id  text  not null,
    ruling     bytea not null,
    primary key (job_id, appeal_id)
);
