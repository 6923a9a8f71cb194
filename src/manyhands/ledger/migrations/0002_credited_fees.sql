-- A fee or a refund that the token refuses to send waits as a credit too, like a worker's pay; and the reputation oracle
-- may move a credit that can have no owner to the worker it was meant for.

insert into ledger.flows (kind, account, side) values
    ('fee',      'credit', 1),
    ('refund',   'credit', 1),
    ('redirect', 'credit', -1), ('redirect', 'credit', 1);
