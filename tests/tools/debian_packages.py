"""Debian packages as test equipment: downloaded by apt, unpacked in the cache, never installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.tools.cache import cache_dir


def unpack(package: str) -> Path:
    """The root of the unpacked ``package``, in the version that this machine's apt offers.

    Safe with several callers at once: whoever is first to finish puts the directory in place.
    :raises RuntimeError: apt does not offer the package, with apt's own words.
    """
    base = cache_dir() / "packages"
    target = base / package
    if target.is_dir():
        return target
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=base, prefix=f".{package}-") as name:
        work = Path(name)
        try:
            _run(["apt-get", "download", package], work)
        except RuntimeError:
            # A fresh machine, or one whose lists are older than the mirror.
            _run(["apt-get", "update"], work)
            _run(["apt-get", "download", package], work)
        (archive,) = work.glob("*.deb")
        _run(["dpkg", "-x", str(archive), "unpacked"], work)
        try:
            (work / "unpacked").rename(target)
        except OSError:
            if not target.is_dir():
                raise
            shutil.rmtree(work / "unpacked")
    return target


def _run(command: list[str], directory: Path) -> None:
    result = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
