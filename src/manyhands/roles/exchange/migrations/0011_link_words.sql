-- What a worker says to being counted as one with others.
alter table exchange.links
    add column words       text   not null default '' check (length(words) <= 2000),
    add column words_at_ms bigint not null default 0;
