-- Of the funds one part in so many may be reserved, and paid, per day of the chain; 0 = no such cap.
alter table exchange.jobs add column cap_parts smallint not null default 0 check (cap_parts between 0 and 30);
