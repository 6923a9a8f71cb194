-- Workers who count as one, as the reputation oracle says, and what that rests on. link_group '' = single persons again.
create table exchange.links (
    worker      text   primary key,
    link_group  text   not null,
    link_no     bigint not null,
    job_id      text   not null,
    because     text   not null,
    at_ms       bigint not null
);
create index links_by_group on exchange.links (link_group) where link_group <> '';
