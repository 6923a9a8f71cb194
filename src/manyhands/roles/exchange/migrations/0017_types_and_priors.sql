-- Standings by answer type, as they are shown: [{answer_type, score_bp, right_milli, wrong_milli, right, judged}, ...].
alter table exchange.standings add column types jsonb not null default '[]';
alter table exchange.standing_changes add column types jsonb not null default '[]';

-- What newcomers to a kind of work turned out to be, as the reputation oracle says; millionths of an answer.
create table exchange.priors (
    task_type    text    not null,
    simulated    boolean not null,
    right_micro  bigint  not null check (right_micro > 0),
    wrong_micro  bigint  not null check (wrong_micro > 0),
    primary key (task_type, simulated)
);
