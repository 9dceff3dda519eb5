"""Ignition configs: parse, validate, merge and fetch. Knows nothing of KVP."""
