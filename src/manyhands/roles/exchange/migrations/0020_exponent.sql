-- Decimals of the money a job is paid in, as its manifest tells them. Jobs from before were all paid in the test token, of 6.
alter table exchange.jobs add column exponent smallint not null default 6 check (exponent between 0 and 6);

-- What an escrow was seen to receive is told by its chain, in base units of the token: 18 decimals overflow a bigint.
alter table exchange.escrow_funds alter column received_minor type numeric(78, 0);
alter table exchange.escrow_funds rename column received_minor to received_base;
