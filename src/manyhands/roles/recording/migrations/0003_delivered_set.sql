-- What a job has delivered so far and how doubtful it is in all: the next item is judged by what that leaves over.
alter table recording.jobs
    add column delivered_items    bigint not null default 0,
    add column delivered_doubt_bp bigint not null default 0,
    -- no item is more doubtful than wholly
    add constraint doubt_of_delivered check (delivered_doubt_bp between 0 and 10000 * delivered_items);

-- jobs under way: what they have accepted already counts
update recording.jobs job
set delivered_items = accepted.items, delivered_doubt_bp = accepted.doubt_bp
from (
    select job_id, count(*) as items, sum(10000 - (said ->> 'confidence_bp')::integer) as doubt_bp
    from (select job_id, convert_from(decision, 'UTF8')::jsonb as said from recording.tasks where decision is not null) one
    where said ->> 'outcome' = 'accept'
    group by job_id
) accepted
where accepted.job_id = job.job_id;
