-- An escrow with a daily cap is made first, and funded and set up once the chain has told its address.
alter table launcher.jobs
    add column made_escrow text not null default '',
    add column made_token  text not null default '';
create index jobs_being_set_up on launcher.jobs (made_escrow) where made_escrow <> '' and state = 'funding';
