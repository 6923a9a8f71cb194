-- A requester's purse with a launcher: paid in or lent, held by running jobs, spent by finished ones.
-- The rules of the tables hold for it as they stand: a purse never falls below 0 and never promises more than it has.

insert into ledger.flows (kind, account, side) values
    ('deposit',       'requester', -1), ('deposit',       'purse',     1),
    ('loan',          'requester', -1), ('loan',          'purse',     1),
    ('loan_returned', 'purse',     -1), ('loan_returned', 'requester', 1),
    ('hold',          'purse',     -1), ('hold',          'spent',     1),
    ('charge',        'purse',     -1), ('charge',        'spent',     1);
