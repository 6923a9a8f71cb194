-- A requester has one purse per currency: a limit in one token lends nothing in another. Rows that are there keep theirs.
alter table launcher.purses drop constraint purses_pkey, add primary key (requester, currency);
