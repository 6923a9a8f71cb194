"""The contracts under test: in process (titanoboa) for every rule, on a real node with HUMAN's SDK for compatibility."""
