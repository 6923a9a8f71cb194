-- Tokens that came to an escrow are looked for by the escrow: the token's own address leads to those of all of them.
create index transfers_by_recipient on outbox.events ((args ->> '_to')) where name = 'Transfer';
