"""Fixtures that every room's tests may use, and how properties are searched.

The default suite gives the same verdict twice: hypothesis takes its examples from the tests' own text, and no example
fails for being slow on a busy machine. `just explore` looks for new ones.
"""

from hypothesis import HealthCheck, settings

pytest_plugins = ["manyhands.store.testing", "manyhands.apps.components.testing", "manyhands.chain.testing"]

settings.register_profile("same-twice", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile(
    "explore", deadline=None, derandomize=False, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same-twice")
