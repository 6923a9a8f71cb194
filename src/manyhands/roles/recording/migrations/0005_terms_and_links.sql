-- What a job is judged by beside its manifest, as its first batch of evidence tells it. Null = begun before there was any.
alter table recording.jobs add column terms bytea;

-- Known pieces that reliable people contradict.
alter table recording.tasks add column suspended boolean not null default false;

-- link_group: the group as this job's evidence tells it; '' = alone.
alter table recording.workers add column link_group text not null default '';

-- What newcomers to a skill turned out to be, as the reputation oracle says; millionths of an answer.
create table recording.priors (
    skill        text   primary key,
    right_micro  bigint not null check (right_micro > 0),
    wrong_micro  bigint not null check (wrong_micro > 0)
);

-- Workers who count as one. link_no orders the reputation oracle's words.
create table recording.links (
    worker      text   primary key,
    link_group  text   not null,
    link_no     bigint not null
);
