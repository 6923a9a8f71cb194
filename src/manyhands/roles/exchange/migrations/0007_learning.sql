-- Getting ready for a kind of work: guides read and practices finished, each paid once per version (ADR 0130).
--
-- paid_in null = due; '' = read before it was paid for. The job that pays is named when it has paid.
alter table exchange.guides_read
    add column paid_in    text,
    add column paid_minor bigint not null default 0 check (paid_minor >= 0);
update exchange.guides_read set paid_in = '';

-- One known piece answered in practice. The first answer stands: what follows it is the reason why it was right or wrong.
create table exchange.practice_answers (
    worker       text     not null,
    task_type    text     not null,
    version      text     not null,
    place        smallint not null check (place between 0 and 9),
    answer_text  text     check (length(answer_text) <= 2000),
    is_right     boolean  not null,
    counts       boolean  not null,
    at_ms        bigint   not null,
    primary key (worker, task_type, version, place)
);

-- A practice that was finished. right_count, asked_count: of the pieces that count.
create table exchange.practised (
    worker       text     not null,
    task_type    text     not null,
    version      text     not null,
    right_count  smallint not null check (right_count between 0 and asked_count),
    asked_count  smallint not null check (asked_count <= 10),
    at_ms        bigint   not null,
    paid_in      text,
    paid_minor   bigint   not null default 0 check (paid_minor >= 0),
    primary key (worker, task_type, version)
);

alter table exchange.earnings add column learning_minor bigint not null default 0;
