"""Ignition configs become cloud-config: pure functions, same input, same output."""
