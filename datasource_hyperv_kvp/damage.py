"""A boot that ended with a fault does not count as provisioning: what the next one needs for that.

cloud-init runs what is "per instance" once for an instance-id, whether it went well or not. So the
boot that meets a fault leaves a mark with the instance, and a later boot that finds the mark and a
payload that has changed makes cloud-init forget that this instance ever was.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

#: In the instance's own directory, so that ``cloud-init clean`` takes it away.
MARK = "hyperv-kvp-damaged"

#: What outlives forgetting: the journal of :mod:`datasource_hyperv_kvp.apply`. It would otherwise
#: take what an Ignition config has already made of this machine for somebody else's.
KEPT = "ignition"

#: Written into the mark if the fault may lie outside the payload, as with a fetch: always retried.
_UNKNOWN = "unknown"


def fingerprint(pool: Mapping[str, str]) -> str:
    """Return a digest of everything in a pool: the same keys and values give the same digest."""
    digest = hashlib.sha256()
    for key, value in sorted(pool.items()):
        for text in (key, value):
            data = text.encode("utf-8", "surrogateescape")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def mark(cloud_dir: Path, instance_id: str, payload_fingerprint: str | None) -> None:
    """Note that this boot of the instance did not count.

    :param payload_fingerprint: None if the same payload may well do better at the next boot.
    :raises OSError: the mark cannot be written.
    """
    directory = cloud_dir / "instances" / instance_id
    directory.mkdir(parents=True, exist_ok=True)
    (directory / MARK).write_text((payload_fingerprint or _UNKNOWN) + "\n")


def forget(cloud_dir: Path, instance_id: str, payload_fingerprint: str) -> bool:
    """Make cloud-init treat the instance as new if an earlier boot of it did not count.

    :returns: whether it did: there was a mark, and the payload is another one now.
    :raises OSError: the instance's directory cannot be emptied.
    """
    directory = cloud_dir / "instances" / instance_id
    try:
        marked = (directory / MARK).read_text().strip()
    except FileNotFoundError:
        return False
    if marked == payload_fingerprint:
        return False
    for path in directory.iterdir():
        if path.name == KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    # Where the id of the last boot's instance stands: without it this one is new, so that its
    # network-config is applied as well.
    (cloud_dir / "data" / "instance-id").unlink(missing_ok=True)
    return True


def remove_fault_scripts(cloud_dir: Path, prefix: str) -> None:
    """Remove the scripts by which an earlier boot made its faults show in ``cloud-init status``.

    :raises OSError: a script cannot be removed.
    """
    directory = cloud_dir / "scripts" / "per-boot"
    if directory.is_dir():
        for script in directory.glob(f"{prefix}*"):
            script.unlink()
