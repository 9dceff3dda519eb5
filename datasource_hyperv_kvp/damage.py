"""A boot that ended with a fault does not count as provisioning: what the next one needs for that.

cloud-init runs what is "per instance" once for an instance-id, whether it went well or not. So the
boot that meets a fault leaves a mark with the instance, and a later boot that finds the mark and a
payload that has changed makes cloud-init forget that this instance ever was.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from datasource_hyperv_kvp import platform

#: In the instance's own directory, so that ``cloud-init clean`` takes it away.
MARK = "hyperv-kvp-damaged"

#: What outlives forgetting: the journal of :mod:`datasource_hyperv_kvp.apply`. It would otherwise
#: take what an Ignition config has already made of this machine for somebody else's.
KEPT = "ignition"

#: In there: what became of the Ignition config when it was applied.
RESULT = "result.json"

#: Written into the mark if the fault may lie outside the payload, as with a fetch: always retried.
_UNKNOWN = "unknown"


def fingerprint(pool: Mapping[str, str]) -> str:
    """Return a digest of the payload: the same keys and values give the same one.

    Other tools' keys do not count: the host may change them at every boot.
    """
    from datasource_hyperv_kvp.payload import names  # lazily: settle() is called on every boot

    digest = hashlib.sha256()
    for key, value in sorted(pool.items()):
        if key != names.MANIFEST_KEY and names.document_of(key) is None:
            continue
        for text in (key, value):
            data = text.encode("utf-8", "surrogateescape")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def mark(
    cloud_dir: Path, instance_id: str, payload_fingerprint: str | None, system_uuid: str = ""
) -> None:
    """Note that this boot of the instance did not count.

    :param payload_fingerprint: None if the same payload may well do better at the next boot.
    :param system_uuid: the machine's, for :func:`take_over`.
    :raises OSError: the mark cannot be written.
    """
    directory = cloud_dir / "instances" / instance_id
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / MARK
    path.touch(mode=0o600)  # a digest of secrets is nobody's business
    path.write_text(f"{payload_fingerprint or _UNKNOWN}\n{system_uuid}\n")


def settle(
    cloud_dir: Path, instance_id: str, payload_fingerprint: str | None, system_uuid: str
) -> bool:
    """Tell whether a boot that met no fault counts: an Ignition config is applied later than that.

    :returns: False if applying it failed, which is marked, so that a mended config is asked for.
    :raises OSError: the mark cannot be written or removed.
    """
    directory = cloud_dir / "instances" / instance_id
    try:
        status = json.loads((directory / KEPT / RESULT).read_text())["status"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        status = ""  # no config, or no word of it
    if status in ("refused", "failed"):
        mark(cloud_dir, instance_id, payload_fingerprint, system_uuid)
        return False
    (directory / MARK).unlink(missing_ok=True)
    return True


def forget(cloud_dir: Path, instance_id: str, payload_fingerprint: str) -> bool:
    """Make cloud-init treat the instance as new if an earlier boot of it did not count.

    :returns: whether it did: there was a mark, and the payload is another one now.
    :raises OSError: the instance's directory cannot be emptied.
    """
    directory = cloud_dir / "instances" / instance_id
    marked = _read_mark(directory)
    if marked is None or marked[0] == payload_fingerprint:
        return False
    for path in directory.iterdir():
        if path.name in (KEPT, MARK):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (directory / KEPT / RESULT).unlink(missing_ok=True)
    # Where the id of the last boot's instance stands: without it this one is new, so that its
    # network-config is applied as well.
    (cloud_dir / "data" / "instance-id").unlink(missing_ok=True)
    # Last, so that a power cut before leaves the job to the next boot.
    (directory / MARK).unlink()
    return True


def take_over(cloud_dir: Path, previous_id: str, instance_id: str, system_uuid: str) -> bool:
    """Give this instance what the last one knows if that was this machine and did not count.

    The name of an instance may have been what was damaged.

    :returns: whether it was so.
    :raises OSError: the journal cannot be moved.
    """
    if previous_id in ("", ".", "..", instance_id) or "/" in previous_id:
        return False
    previous = cloud_dir / "instances" / previous_id
    marked = _read_mark(previous)
    if marked is None or not platform.same_machine(marked[1], system_uuid):
        return False
    directory = cloud_dir / "instances" / instance_id
    directory.mkdir(parents=True, exist_ok=True)
    if (previous / KEPT).is_dir() and not (directory / KEPT).exists():
        (previous / KEPT).rename(directory / KEPT)
        (directory / KEPT / RESULT).unlink(missing_ok=True)
    (previous / MARK).unlink()
    return True


def _read_mark(directory: Path) -> tuple[str, str] | None:
    """Return the payload's fingerprint and the machine's UUID; None if there is no mark."""
    try:
        lines = (directory / MARK).read_text().splitlines()
    except FileNotFoundError:
        return None
    return (*lines, "", "")[0], (*lines, "", "")[1]
