"""The desk of the end-to-end tests, for those that look for secrets."""

from tests.e2e.conftest import applied, converged, make, served

__all__ = ["applied", "converged", "make", "served"]
