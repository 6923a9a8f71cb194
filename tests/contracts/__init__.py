"""The contracts under test: every rule in process (titanoboa), compatibility on a real node with HUMAN's SDK."""
