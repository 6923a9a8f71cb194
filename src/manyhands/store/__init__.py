"""The only package that knows PostgreSQL and blobs: pool, queries, migrations, background work, messages.

Rules kept here
- What a caller was told is stored is on disk: durable commits, fsynced blobs.
- Background work and messages are enqueued in the transaction of the rows they follow from: both exist or neither.
- Everything is at least once; what must happen once carries an id made from meaning.
- Killing the program or the server at any moment loses and doubles nothing; the next start repairs by itself.

Start with `LocalPostgres`, `Database`, `migrate`, `JobApp`, `Mailbox`, `BlobStore`.
"""
