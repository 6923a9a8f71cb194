-- What a judged job still owes follows from its payouts file, from what was signed and from what the chain shows. These
-- two are written by nobody any more; a version before this one may still run beside it, so they go with a later one.
comment on table reputation.owed is 'unused since 0010';
comment on table reputation.parts is 'unused since 0010';

create index jobs_under_way on reputation.jobs (job_id) where state in ('reserving', 'paying', 'completing');
