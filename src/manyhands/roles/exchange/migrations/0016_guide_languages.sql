-- A guide is paid for its length in the language in which it was read (ADR 0170). Those read before were paid as English.
alter table exchange.guides_read
    add column language text not null default 'en' check (language ~ '^[a-z]{2,3}$');
