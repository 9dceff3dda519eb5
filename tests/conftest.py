"""What all tests share."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No test asserts a time: machines that run tests are busy.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
