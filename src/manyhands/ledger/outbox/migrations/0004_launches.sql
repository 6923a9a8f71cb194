-- An escrow's launch is looked for when a job's parties hold its launcher's word beside the chain's.
create index launches_by_escrow on outbox.events ((args ->> 'escrow')) where name = 'LaunchedV2';
