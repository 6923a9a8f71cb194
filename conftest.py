"""Fixtures that every room's tests may use."""

pytest_plugins = ["manyhands.store.testing", "manyhands.apps.components.testing", "manyhands.chain.testing"]
