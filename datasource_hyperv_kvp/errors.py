"""The error tree of the package.

Every error says where it was found, what was expected and found, and what to do about it; the
command and the datasource print ``str(error)`` and nothing else.
"""

from __future__ import annotations


class HyperVKVPError(Exception):
    """Base of all errors that this package raises on purpose.

    :param message: what is wrong: what was expected and what was found.
    :param where: where it was found: a key name, a JSON path, a file or a device.
    :param advice: what the reader can do about it; empty if the message already says it.
    """

    def __init__(self, message: str, *, where: str = "", advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text}; {self.advice}" if self.advice else text


class KVPError(HyperVKVPError):
    """The pools cannot be read or written."""


class PoolFileError(KVPError):
    """A pool file is torn, foreign, or locked for too long."""


class DeviceError(KVPError):
    """``/dev/vmbus/hv_kvp`` is busy, has vanished, hangs or breaks its protocol."""


class DocumentError(HyperVKVPError):
    """A document is incomplete, fails its hash, or cannot be decoded."""


class ConfigError(HyperVKVPError):
    """An Ignition config is invalid, cannot be fetched, or is impossible on this machine."""


class NeedsNetworkError(ConfigError):
    """An Ignition config refers to something to be fetched, and the network is not up."""
