-- name: put_in_outbox
-- Takes the next place in the stream and holds it until commit, so that place and commit have the same order.
with stream as (
    insert into mail.streams as known (job_id, sender, recipient, recipient_role, sent)
    values (%(job_id)s, %(sender)s, %(recipient)s, %(recipient_role)s, 1)
    on conflict (job_id, sender, recipient, recipient_role) do update set sent = known.sent + 1
    returning sent
)
insert into mail.outbox (job_id, message_id, sender, recipient, recipient_role, position, body_type, envelope)
select %(job_id)s, %(message_id)s, %(sender)s, %(recipient)s, %(recipient_role)s, stream.sent, %(body_type)s, %(envelope)s
from stream
on conflict (job_id, message_id) do nothing
returning position;

-- name: waiting_up_to
-- The message and all of its stream that were sent before it and are not settled.
select earlier.message_id, earlier.envelope
from mail.outbox as message
join mail.outbox as earlier using (job_id, sender, recipient, recipient_role)
where message.job_id = %(job_id)s
  and message.message_id = %(message_id)s
  and earlier.state = 'waiting'
  and earlier.position <= message.position
order by earlier.position;

-- name: settle
update mail.outbox
set state = %(state)s, reason = %(reason)s, settled_at = now()
where job_id = %(job_id)s and message_id = %(message_id)s and state = 'waiting';

-- name: one_at_a_time
-- Messages about one job are applied one after the other at one recipient, whoever sent them.
select pg_advisory_xact_lock(hashtextextended(%(recipient_role)s || ' ' || %(recipient)s || ' ' || %(job_id)s, 1));

-- name: put_in_inbox
insert into mail.inbox (job_id, recipient, recipient_role, message_id, sender, sender_role, body_type)
values (%(job_id)s, %(recipient)s, %(recipient_role)s, %(message_id)s, %(sender)s, %(sender_role)s, %(body_type)s)
on conflict (job_id, recipient, recipient_role, message_id) do nothing
returning message_id;

-- name: known_outcome
select outcome, reason
from mail.inbox
where job_id = %(job_id)s and recipient = %(recipient)s and recipient_role = %(recipient_role)s
  and message_id = %(message_id)s;

-- name: remember_refusal
update mail.inbox
set outcome = 'refused', reason = %(reason)s
where job_id = %(job_id)s and recipient = %(recipient)s and recipient_role = %(recipient_role)s
  and message_id = %(message_id)s;

-- name: undelivered
select job_id, message_id, sender, recipient, recipient_role, body_type, work_status, work_id, failures, reason, sent_at
from mail.undelivered
order by sent_at, job_id, message_id
limit %(limit)s;

-- name: lost_messages
-- Waiting messages without any work that would deliver them, not even dead work.
select job_id, message_id, sender, recipient, recipient_role
from mail.undelivered
where work_status = 'lost' and sent_at < now() - interval '5 seconds';

-- name: refused_messages
select job_id, message_id, sender, recipient, recipient_role, body_type, reason
from mail.outbox
where state = 'refused'
order by settled_at, message_id
limit %(limit)s;
