"""Versions of the specification: which are known, and what an older config means in the newest."""

from __future__ import annotations

import re

from datasource_hyperv_kvp.apply.frozen import replace
from datasource_hyperv_kvp.ignition.config import Config, Directory, File

#: Specifications 3.0.0 to 3.6.0 are known.
NEWEST_MINOR = 6
NEWEST = f"3.{NEWEST_MINOR}.0"

#: The first whose set-user-ID, set-group-ID and sticky bits are applied.
SPECIAL_BITS_SINCE = 6
SPECIAL_BITS = 0o7000

_KNOWN = {f"3.{minor}.0": minor for minor in range(NEWEST_MINOR + 1)}
_VERSION = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)(?:-([^+]*))?(?:\+(.*))?", re.DOTALL)
_ADVICE = f'write a version from "3.0.0" to "{NEWEST}"'


def minor_of(version: str) -> int:
    """The N of ``3.N.0``.

    :raises ValueError: not a version, or not a supported one; the message says what to write.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        what = "the version is missing" if not version else f'"{version}" is not a version'
        raise ValueError(f"{what}; {_ADVICE}")
    # Zeros in front are allowed, in any number.
    numbers = ".".join(part.lstrip("0") or "0" for part in match.group(1, 2, 3))
    pre_release, metadata = match.group(4, 5)
    if numbers not in _KNOWN or pre_release or metadata:
        raise ValueError(f'version "{version}" is not supported; {_ADVICE}')
    return _KNOWN[numbers]


def translate(config: Config, minor: int) -> Config:
    """The config of specification 3.``minor``.0 as one of the newest specification.

    Older ones ignored special mode bits, so they are masked: a later merge must not bring to life
    what never had an effect. Ignition's own translation of 3.4.0 also loses what Tang servers
    advertise, which that specification has; here it stays.
    """
    config = replace(config, ignition=replace(config.ignition, version=NEWEST))
    if minor >= SPECIAL_BITS_SINCE:
        return config
    storage = replace(
        config.storage,
        files=tuple(map(_masked_file, config.storage.files)),
        directories=tuple(map(_masked_directory, config.storage.directories)),
    )
    return replace(config, storage=storage)


def _masked_file(file: File) -> File:
    if file.mode is None or not file.mode & SPECIAL_BITS:
        return file
    return replace(file, mode=file.mode & ~SPECIAL_BITS)


def _masked_directory(directory: Directory) -> Directory:
    if directory.mode is None or not directory.mode & SPECIAL_BITS:
        return directory
    return replace(directory, mode=directory.mode & ~SPECIAL_BITS)
