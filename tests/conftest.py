"""Fixtures for all tests; what they give is in tests/support/."""

pytest_plugins = ["tests.support.fixtures"]
