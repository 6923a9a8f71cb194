-- lost_minor: of sent_minor, what could not be reserved before the escrow's end and so was never sent.
alter table reputation.owed
    add column lost_minor bigint not null default 0,
    add constraint lost_of_owed check (lost_minor between 0 and sent_minor);

-- When a payout that the chain refused for now may be tried again: not at once, or every round would be refused anew.
alter table reputation.parts add column not_before_ms bigint not null default 0;
