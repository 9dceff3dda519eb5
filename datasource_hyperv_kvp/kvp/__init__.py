"""The shared KVP reader: from bytes in pool files or on the device to pools of keys and values.

What is public stands here and is imported when it is first used: the unit that empties the pools
runs at every boot, before much else, and needs hardly any of it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasource_hyperv_kvp.kvp.poolfile import (
        POOL_DIR,
        RECORD_SIZE,
        pool_path,
        read_pool_dir,
        read_pool_file,
        write_pool_files,
    )
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
    from datasource_hyperv_kvp.kvp.reader import Reading, Source, read
    from datasource_hyperv_kvp.kvp.settings import DEVICE, Settings
    from datasource_hyperv_kvp.kvp.system import GuestSystem

__all__ = [
    "AUTO",
    "AUTO_EXTERNAL",
    "AUTO_INTERNAL",
    "DEVICE",
    "EXTERNAL",
    "GUEST",
    "POOL_DIR",
    "POOL_NUMBERS",
    "RECORD_SIZE",
    "GuestSystem",
    "Pool",
    "Pools",
    "Reading",
    "Record",
    "Settings",
    "Source",
    "pool_path",
    "read",
    "read_pool_dir",
    "read_pool_file",
    "write_pool_files",
]

_HOMES = {
    "poolfile": (
        "POOL_DIR",
        "RECORD_SIZE",
        "pool_path",
        "read_pool_dir",
        "read_pool_file",
        "write_pool_files",
    ),
    "pools": (
        "AUTO",
        "AUTO_EXTERNAL",
        "AUTO_INTERNAL",
        "EXTERNAL",
        "GUEST",
        "POOL_NUMBERS",
        "Pool",
        "Pools",
        "Record",
    ),
    "reader": ("Reading", "Source", "read"),
    "settings": ("DEVICE", "Settings"),
    "system": ("GuestSystem",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
