"""The shared KVP reader: from bytes in pool files or on the device to pools of keys and values."""

from __future__ import annotations

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
