"""A first boot that a power cut ended, and what the next one needs to do it all again.

cloud-init marks a module as done for the instance *before* the module runs, and writes most files
without waiting for the disk: after a power cut the marks are there and the work may be lost. So
the first boot of an instance leaves a mark of its own, and a unit of this package takes it away
when the last stage has ended, another one when the machine goes down in good order. A boot that
still finds the mark has cloud-init forget the instance and provision it once more.

Without those units nobody would take the mark away, so then there is none.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from datasource_hyperv_kvp import damage

#: In the instance's own directory. It holds the number of the attempt.
MARK = "hyperv-kvp-first-boot"

#: A machine that user-data brings down every time must come to rest.
ATTEMPTS = 3

#: Takes the mark away at the end of the boot.
UNIT = "hyperv-kvp-provisioned.service"

_UNIT_DIRECTORIES = ("etc/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")

# What cloud-init reads at the beginning of every boot, and dies of where it is no JSON.
_READ_EARLY = ("data/set-hostname",)


def is_watched(root: Path = Path("/")) -> bool:
    """Tell whether systemd runs here and has the unit that takes the mark away."""
    return (root / "run/systemd/private").exists() and any(
        (root / directory / UNIT).is_file() for directory in _UNIT_DIRECTORIES
    )


def begin(cloud_dir: Path, instance_id: str, *, watched: bool) -> None:
    """Mark the instance, if this is its first boot.

    :param watched: see :func:`is_watched`.
    :raises OSError: the mark cannot be written.
    """
    directory = cloud_dir / "instances" / instance_id
    if not watched or (directory / "sem").exists():
        return
    attempt = _attempt(directory) + 1
    if attempt > ATTEMPTS:
        (directory / MARK).unlink(missing_ok=True)
        return
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / MARK).open("w") as file:
        file.write(f"{attempt}\n")
        file.flush()
        os.fsync(file.fileno())
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def was_cut_short(cloud_dir: Path, instance_id: str) -> bool:
    """Tell whether the first boot of this instance never came to its end."""
    return (cloud_dir / "instances" / instance_id / MARK).exists()


def forget(cloud_dir: Path, instance_id: str) -> bool:
    """Make cloud-init treat the instance as new if its first boot never came to its end.

    :returns: whether it was so.
    :raises OSError: the instance's directory cannot be emptied.
    """
    directory = cloud_dir / "instances" / instance_id
    if not was_cut_short(cloud_dir, instance_id):
        return False
    for path in directory.iterdir():
        # The journal knows what of an Ignition config is done, and is written through to the disk.
        if path.name in (MARK, damage.MARK, damage.KEPT):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    (cloud_dir / "data" / "instance-id").unlink(missing_ok=True)
    return True


def drop_torn_files(cloud_dir: Path) -> None:
    """Remove what a power cut left empty and cloud-init would not survive reading.

    :raises OSError: a file cannot be removed.
    """
    for name in _READ_EARLY:
        path = cloud_dir / name
        try:
            json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
        except ValueError:
            path.unlink()


def _attempt(directory: Path) -> int:
    try:
        return int((directory / MARK).read_text())
    except (FileNotFoundError, ValueError):
        return 0
