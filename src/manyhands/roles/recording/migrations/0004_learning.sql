-- Who got ready for a job, as its exchange told it at the end: pay for that is allowed only within the manifest's places,
-- and only to workers whose answers recorded here earned as much.
alter table recording.jobs add column learned bytea;
