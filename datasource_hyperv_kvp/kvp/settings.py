"""What can be configured about reading: ``datasource: HyperVKVP:`` in the cloud configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from datasource_hyperv_kvp.errors import KVPError
from datasource_hyperv_kvp.kvp.lock import LOCK_TIMEOUT
from datasource_hyperv_kvp.kvp.poolfile import POOL_DIR

#: The kernel's character device for key-value exchange.
DEVICE = Path("/dev/vmbus/hv_kvp")

_WHERE = "datasource: HyperVKVP"


@dataclass(frozen=True)
class Settings:
    """Where the keys are read, and how long for. Paths are absolute, times in seconds.

    ``pool_dir``, ``/var/lib/hyperv``: the directory of the KVP daemon's pool files.

    ``device``, ``/dev/vmbus/hv_kvp``: the kernel's device, read where no daemon is installed.

    ``settle``, 1: without a manifest the host has said everything when nothing has changed for so
    long.

    ``drain``, 0.2: with every document of the manifest there, how long the device has to be quiet
    until the burst counts as over.

    ``timeout``, 20: how long the whole reading may take.

    ``vmbus_timeout``, 5: how long VMBus may take to come up where the device is not there.

    ``lock_timeout``, 2: how long another process may keep a pool file locked.
    """

    pool_dir: Path = POOL_DIR
    device: Path = DEVICE
    settle: float = 1.0
    drain: float = 0.2
    timeout: float = 20.0
    vmbus_timeout: float = 5.0
    lock_timeout: float = LOCK_TIMEOUT

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Settings:
        """Read the settings from configuration.

        :raises KVPError: a key is unknown, a path is not absolute, or a time is no number of
            seconds from 0 up.
        """
        known = {field.name: field.default for field in fields(cls)}
        unknown = sorted(str(key) for key in mapping if key not in known)
        if unknown:
            raise KVPError(
                f"unknown: {', '.join(unknown)}",
                where=_WHERE,
                advice=f"what may stand there: {', '.join(known)}",
            )
        paths = {
            name: _path(name, mapping[name])
            for name, default in known.items()
            if name in mapping and isinstance(default, Path)
        }
        times = {
            name: _seconds(name, mapping[name])
            for name, default in known.items()
            if name in mapping and isinstance(default, float)
        }
        return cls(**paths, **times)  # type: ignore[arg-type]  # mypy cannot pair names and types


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str) or not value.startswith("/"):
        raise KVPError(f"expected an absolute path, found {value!r}", where=f"{_WHERE}: {name}")
    return Path(value)


def _seconds(name: str, value: object) -> float:
    # A bool is an int to Python, but nobody who writes "settle: yes" means one second.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 86400:
        raise KVPError(
            f"expected a number of seconds, 0 to 86400, found {value!r}", where=f"{_WHERE}: {name}"
        )
    return float(value)
