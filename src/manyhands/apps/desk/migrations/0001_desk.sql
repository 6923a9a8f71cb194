-- What the requester's desk keeps until a job exists: files as they come in, pages as they were read in, and wishes.
-- Times are milliseconds since 1970-01-01 UTC, amounts whole minor units.
create schema if not exists desk;

-- The life of a draft. 'refused' is the launcher's word: nothing was charged, and the draft may be changed.
create table desk.moves (
    from_state  text not null,
    verb        text not null,
    to_state    text not null,
    primary key (from_state, verb)
);
insert into desk.moves (from_state, verb, to_state) values
    ('collecting', 'import', 'importing'),
    ('importing', 'imported', 'ready'),
    ('importing', 'nothing', 'collecting'),
    ('ready', 'reopen', 'collecting'),
    ('ready', 'launch', 'launched'),
    ('launched', 'refused', 'ready');

-- One draft. wish: JSON of drafts.Wish. documents: canonical JSON as the launcher takes them, null until imported.
-- refused: JSON, what could not be taken in and why. import_no counts imports, so that an old one cannot end a new one.
create table desk.drafts (
    draft_id       text    primary key,
    owner          text    not null,
    title          text    not null,
    state          text    not null default 'collecting' check (state in
        ('collecting', 'importing', 'ready', 'launched')),
    wish           bytea   not null,
    documents      bytea,
    refused        bytea   not null default '[]',
    import_no      integer not null default 0,
    imported_files integer not null default 0,
    tryout_job_id  text,
    job_id         text,
    created_at_ms  bigint  not null,
    changed_at_ms  bigint  not null,
    check ((state in ('ready', 'launched')) <= (documents is not null)),
    check ((state = 'launched') = (job_id is not null))
);
create index drafts_of_owner on desk.drafts (owner, changed_at_ms desc);
create unique index drafts_by_job on desk.drafts (job_id) where job_id is not null;
create index drafts_by_tryout on desk.drafts (tryout_job_id) where tryout_job_id is not null;

-- A file on its way in. name: as its owner calls it, with folders; it is text and never a path of this machine.
create table desk.files (
    draft_id        text    not null references desk.drafts on delete cascade,
    file_no         integer not null check (file_no > 0),
    name            text    not null,
    size_bytes      bigint  not null check (size_bytes > 0),
    received_bytes  bigint  not null default 0 check (received_bytes between 0 and size_bytes),
    primary key (draft_id, file_no),
    unique (draft_id, name)
);

-- The parts of a file that arrived, end to end.
create table desk.chunks (
    draft_id      text    not null,
    file_no       integer not null,
    offset_bytes  bigint  not null,
    size_bytes    bigint  not null check (size_bytes > 0),
    blob          text    not null,
    primary key (draft_id, file_no, offset_bytes),
    foreign key (draft_id, file_no) references desk.files on delete cascade
);

-- A page as it was read in. ink: JSON of documents.ink.InkLine, from which a drawn box is priced.
create table desk.pages (
    draft_id     text    not null references desk.drafts on delete cascade,
    import_no    integer not null,
    place        integer not null,
    doc_id       text    not null,
    page_no      integer not null,
    source_file  text    not null,
    blob         text    not null,
    thumb_blob   text    not null,
    width_px     integer not null check (width_px > 0),
    height_px    integer not null check (height_px > 0),
    ink          bytea   not null,
    primary key (draft_id, import_no, doc_id, page_no)
);

-- When a requester wants a job to be over. stop: what is not answered by then is cancelled.
create table desk.deadlines (
    job_id        text    primary key,
    owner         text    not null,
    deadline_ms   bigint  not null,
    stop          boolean not null,
    stopped_at_ms bigint
);
create index deadlines_due on desk.deadlines (deadline_ms) where stop and stopped_at_ms is null;

-- What a requester was told by a result and does not believe. Pay that was accepted stays paid; a person answers.
create table desk.objections (
    job_id        text   not null,
    objection_id  text   not null,
    owner         text   not null,
    doc_id        text   not null,
    piece_id      text   not null,
    code          text   not null,
    stands        text   not null,
    should_be     text   not null,
    because       text   not null check (length(because) between 10 and 2000),
    filed_at_ms   bigint not null,
    state         text   not null default 'filed' check (state in ('filed', 'upheld', 'dismissed')),
    answer        text   not null default '',
    answered_by   text   not null default '',
    answered_at_ms bigint,
    primary key (job_id, objection_id),
    check ((state = 'filed') = (answered_at_ms is null)),
    check (state = 'filed' or length(answer) >= 10)
);
create index objections_open on desk.objections (filed_at_ms) where state = 'filed';
