"""Documents: page -> pieces -> record.

Rules kept here
- A page is imported in a sandboxed child, read by zero or more machine readers, cut into pieces, put together again.
- Deciding parts (``cutter``, ``acceptance``, ``assemble``, ``fields``) are pure; only ``importing``, ``readers`` and
  ``writers`` touch files, processes or models.
- The package starts without any reader: people can key everything.
"""
