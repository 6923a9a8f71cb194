"""What all parties agree on: money, ids, manifest, life cycles, messages, evidence.

Rules kept here
- Pure: no clock, no chance, no file, no network. Time and seeds are arguments.
- Money is a whole number of minor units; an id is a digest of what an action means.
- A message is believed only after its signature was checked against the sender it names.
"""
