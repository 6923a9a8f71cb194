-- A share of a slash that the token refuses to send waits in the jury's contract, like pay in an escrow.

insert into ledger.flows (kind, account, side) values ('slash', 'credit', 1);
