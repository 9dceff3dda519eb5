"""Copies of a root file system that cost nothing: overlays on a tmpfs, in a private namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.differential.snapshot import Copy


@contextmanager
def overlay(lower: Path, work: Path) -> Iterator[Copy]:
    """A writable copy of ``lower`` whose changes live below ``work`` and end with the block."""
    for name in ("upper", "work", "merged"):
        (work / name).mkdir(parents=True)
    # A new upper directory gives the merged root its mode.
    (work / "upper").chmod(0o755)
    merged = work / "merged"
    # With redirects a directory can be renamed as on any file system (usermod --move-home).
    layers = f"lowerdir={lower},upperdir={work / 'upper'},workdir={work / 'work'}"
    options = f"{layers},redirect_dir=on"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)
    try:
        yield Copy(merged=merged, upper=work / "upper")
    finally:
        subprocess.run(["umount", "--recursive", str(merged)], check=True)
        subprocess.run(["rm", "-rf", str(work)], check=True)
