-- name: add_draft
insert into desk.drafts (draft_id, owner, title, wish, created_at_ms, changed_at_ms)
values (%(draft_id)s, %(owner)s, %(title)s, %(wish)s, %(now_ms)s, %(now_ms)s);

-- name: draft_of
select draft_id, owner, title, state, wish, documents, refused, import_no, imported_files, tryout_job_id, job_id,
       created_at_ms, changed_at_ms, questions, questions_name
from desk.drafts where draft_id = %(draft_id)s and owner = %(owner)s;

-- name: lock_draft
select draft_id, owner, title, state, wish, documents, refused, import_no, imported_files, tryout_job_id, job_id,
       created_at_ms, changed_at_ms, questions, questions_name
from desk.drafts where draft_id = %(draft_id)s and owner = %(owner)s for update;

-- name: drafts_of
-- Drafts that are not yet a job, the latest first, with how much of them is here.
select draft.draft_id, draft.title, draft.state, draft.created_at_ms, draft.changed_at_ms,
       (select count(*) from desk.files where files.draft_id = draft.draft_id) as files,
       (select count(*) from desk.pages page
        where page.draft_id = draft.draft_id and page.import_no = draft.import_no) as pages
from desk.drafts draft
where draft.owner = %(owner)s and draft.state <> 'launched'
order by draft.changed_at_ms desc, draft.draft_id limit %(limit)s;

-- name: count_drafts
select count(*) from desk.drafts where owner = %(owner)s and state <> 'launched';

-- name: move
-- The only statement that changes a state. No row comes back when a draft has no such move.
update desk.drafts as draft set state = moves.to_state, changed_at_ms = %(now_ms)s
from desk.moves
where draft.draft_id = %(draft_id)s and moves.from_state = draft.state and moves.verb = %(verb)s
returning moves.to_state;

-- name: launch
update desk.drafts set state = 'launched', job_id = %(job_id)s, changed_at_ms = %(now_ms)s
where draft_id = %(draft_id)s and state in ('ready', 'launched');

-- name: unlaunch
-- Its job was refused: nothing was charged, and the draft may be changed.
update desk.drafts set state = 'ready', job_id = null, changed_at_ms = %(now_ms)s
where draft_id = %(draft_id)s and state = 'launched';

-- name: launched_lately
select owner, draft_id, job_id from desk.drafts
where state = 'launched' and changed_at_ms between %(after_ms)s and %(before_ms)s;

-- name: set_wish
update desk.drafts set wish = %(wish)s, title = %(title)s, changed_at_ms = %(now_ms)s where draft_id = %(draft_id)s;

-- name: set_questions
update desk.drafts set questions = %(questions)s, questions_name = %(name)s, changed_at_ms = %(now_ms)s
where draft_id = %(draft_id)s;

-- name: set_tryout
update desk.drafts set tryout_job_id = %(job_id)s, changed_at_ms = %(now_ms)s where draft_id = %(draft_id)s;

-- name: begin_import
update desk.drafts set import_no = import_no + 1, imported_files = 0, refused = '[]', documents = null,
       tryout_job_id = null
where draft_id = %(draft_id)s returning import_no;

-- name: lock_import
-- The draft of an import, if that import still counts.
select owner from desk.drafts
where draft_id = %(draft_id)s and import_no = %(import_no)s and state = 'importing' for update;

-- name: import_counts
select 1 from desk.drafts where draft_id = %(draft_id)s and import_no = %(import_no)s and state = 'importing';

-- name: count_imported
update desk.drafts set imported_files = imported_files + 1
where draft_id = %(draft_id)s and import_no = %(import_no)s and state = 'importing';

-- name: set_imported
update desk.drafts set documents = %(documents)s, refused = %(refused)s where draft_id = %(draft_id)s;

-- name: set_refused
update desk.drafts set refused = %(refused)s where draft_id = %(draft_id)s;

-- name: delete_draft
delete from desk.drafts where draft_id = %(draft_id)s and owner = %(owner)s and state <> 'launched'
returning draft_id;

-- name: next_file_no
select coalesce(max(file_no), 0) + 1, count(*), coalesce(sum(size_bytes), 0)::bigint from desk.files
where draft_id = %(draft_id)s;

-- name: add_file
insert into desk.files (draft_id, file_no, name, size_bytes)
values (%(draft_id)s, %(file_no)s, %(name)s, %(size_bytes)s)
on conflict (draft_id, name) do nothing;

-- name: files_of
select file_no, name, size_bytes, received_bytes from desk.files where draft_id = %(draft_id)s order by file_no;

-- name: lock_file
select file_no, name, size_bytes, received_bytes from desk.files
where draft_id = %(draft_id)s and file_no = %(file_no)s for update;

-- name: file_at
select file_no, name, size_bytes, received_bytes from desk.files
where draft_id = %(draft_id)s and file_no = %(file_no)s;

-- name: one_by_one
-- A person's drafts are counted one after the other, for the rest of the transaction.
select pg_advisory_xact_lock(hashtextextended('desk ' || %(owner)s, 0));

-- name: bytes_elsewhere
select coalesce(sum(files.size_bytes), 0)::bigint
from desk.files join desk.drafts draft on draft.draft_id = files.draft_id
where draft.owner = %(owner)s and draft.state <> 'launched' and draft.draft_id <> %(draft_id)s;

-- name: chunks_alone
-- Parts of a file that no other file of its draft shares.
select distinct own.blob from desk.chunks own
where own.draft_id = %(draft_id)s and own.file_no = %(file_no)s
  and not exists (select from desk.chunks other
                  where other.draft_id = own.draft_id and other.blob = own.blob and other.file_no <> own.file_no);

-- name: file_named
select file_no, name, size_bytes, received_bytes from desk.files
where draft_id = %(draft_id)s and name = any(%(names)s) order by file_no;

-- name: delete_file
delete from desk.files where draft_id = %(draft_id)s and file_no = %(file_no)s returning file_no;

-- name: delete_files
delete from desk.files where draft_id = %(draft_id)s;

-- name: add_chunk
insert into desk.chunks (draft_id, file_no, offset_bytes, size_bytes, blob)
values (%(draft_id)s, %(file_no)s, %(offset_bytes)s, %(size_bytes)s, %(blob)s);

-- name: count_received
update desk.files set received_bytes = received_bytes + %(size_bytes)s
where draft_id = %(draft_id)s and file_no = %(file_no)s returning received_bytes;

-- name: chunks_of
select blob from desk.chunks where draft_id = %(draft_id)s and file_no = %(file_no)s order by offset_bytes;

-- name: unfinished_files
select count(*) from desk.files where draft_id = %(draft_id)s and received_bytes < size_bytes;

-- name: add_page
insert into desk.pages (draft_id, import_no, place, doc_id, page_no, source_file, blob, thumb_blob, width_px, height_px,
                        ink)
values (%(draft_id)s, %(import_no)s, %(place)s, %(doc_id)s, %(page_no)s, %(source_file)s, %(blob)s, %(thumb_blob)s,
        %(width_px)s, %(height_px)s, %(ink)s)
on conflict do nothing;

-- name: pages_of
select doc_id, page_no, source_file, blob, thumb_blob, width_px, height_px from desk.pages
where draft_id = %(draft_id)s and import_no = %(import_no)s order by place limit %(limit)s;

-- name: ink_of
select doc_id, page_no, ink from desk.pages where draft_id = %(draft_id)s and import_no = %(import_no)s;

-- name: pages_of_job
select page.doc_id, page.page_no, page.blob, page.thumb_blob, page.width_px, page.height_px
from desk.pages page join desk.drafts draft using (draft_id, import_no)
where draft.job_id = %(job_id)s or draft.tryout_job_id = %(job_id)s order by page.place;

-- name: wish_of_job
select draft_id, wish, tryout_job_id = %(job_id)s from desk.drafts
where job_id = %(job_id)s or tryout_job_id = %(job_id)s limit 1;

-- name: old_drafts
select draft_id from desk.drafts where state <> 'launched' and changed_at_ms < %(before_ms)s limit 20;

-- name: put_deadline
insert into desk.deadlines (job_id, owner, deadline_ms, stop)
values (%(job_id)s, %(owner)s, %(deadline_ms)s, %(stop)s)
on conflict (job_id) do nothing;

-- name: deadline_of
select deadline_ms, stop, stopped_at_ms from desk.deadlines where job_id = %(job_id)s;

-- name: deadlines_due
select job_id from desk.deadlines where stop and stopped_at_ms is null and deadline_ms <= %(now_ms)s limit 50;

-- name: deadline_done
update desk.deadlines set stopped_at_ms = %(now_ms)s where job_id = %(job_id)s and stopped_at_ms is null;

-- name: add_objection
insert into desk.objections (job_id, objection_id, owner, doc_id, piece_id, code, stands, should_be, because,
                             filed_at_ms)
values (%(job_id)s, %(objection_id)s, %(owner)s, %(doc_id)s, %(piece_id)s, %(code)s, %(stands)s, %(should_be)s,
        %(because)s, %(now_ms)s)
on conflict do nothing;

-- name: count_objections
select count(*) from desk.objections where job_id = %(job_id)s;

-- name: objections_of
select job_id, objection_id, doc_id, piece_id, code, stands, should_be, because, filed_at_ms, state, answer,
       answered_at_ms
from desk.objections where job_id = %(job_id)s order by filed_at_ms, objection_id;

-- name: open_objections
select job_id, objection_id, doc_id, piece_id, code, stands, should_be, because, filed_at_ms, state, answer,
       answered_at_ms
from desk.objections where state = 'filed' order by filed_at_ms limit 100;

-- name: answer_objection
update desk.objections set state = %(state)s, answer = %(answer)s, answered_by = %(answered_by)s,
       answered_at_ms = %(now_ms)s
where job_id = %(job_id)s and objection_id = %(objection_id)s and state = 'filed' returning objection_id;
