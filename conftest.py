"""Fixtures that every room's tests may use."""

pytest_plugins = ["manyhands.store.testing"]
