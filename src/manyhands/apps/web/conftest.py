"""A whole site for the tests beside it."""

from manyhands.apps.web.testing import house, settings

__all__ = ["house", "settings"]
