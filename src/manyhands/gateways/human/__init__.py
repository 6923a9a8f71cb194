"""HUMAN Protocol's dialect: the read side that its clients ask a subgraph for, told from our own indexed events.

Its write side needs no gateway: the contracts keep HUMAN's ABI, so its SDK talks to them directly.
"""
