-- The log of what moved standings gets an order of its own, and corrections: counts that are added or taken back.
alter table reputation.outcomes
    add column outcome_no bigint generated always as identity,
    add column right_micro bigint,
    add column wrong_micro bigint,
    alter column was_right drop not null,
    alter column weight_bp drop not null,
    add check ((was_right is null) = (weight_bp is null) and (was_right is null) = (right_micro is not null)
               and (right_micro is null) = (wrong_micro is null));
create index outcomes_by_skill on reputation.outcomes (skill, worker, outcome_no);

-- Workers who count as one in verdicts, by signs of copying: it takes no pay. link_group '' = a person, cleared_by, has
-- undone it. job_id: the job whose evidence showed it.
create table reputation.links (
    worker      text   primary key,
    link_group  text   not null,
    link_no     bigint not null,
    job_id      text   not null references reputation.jobs,
    because     text   not null,
    cleared_by  text   not null default '',
    at_ms       bigint not null,
    check ((link_group = '') = (cleared_by <> ''))
);
create index links_by_group on reputation.links (link_group) where link_group <> '';
