"""The shared KVP reader: from bytes in pool files or on the device to pools of keys and values."""

from __future__ import annotations

from datasource_hyperv_kvp.kvp.pools import (
    AUTO,
    AUTO_EXTERNAL,
    AUTO_INTERNAL,
    EXTERNAL,
    GUEST,
    POOL_NUMBERS,
    Pool,
    Pools,
    Record,
)

__all__ = [
    "AUTO",
    "AUTO_EXTERNAL",
    "AUTO_INTERNAL",
    "EXTERNAL",
    "GUEST",
    "POOL_NUMBERS",
    "Pool",
    "Pools",
    "Record",
]
