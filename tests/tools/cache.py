"""Where everything that is expensive to make is kept: never in the tree, and safe to delete."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """Return the project's cache directory, as the XDG base directory specification places it."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "datasource-hyperv-kvp"


def recipe_hash(recipe: object) -> str:
    """Name a recipe (anything that JSON can hold) by twelve hexadecimal digits of its hash."""
    text = json.dumps(recipe, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock ``name``: of two runs that need the same thing, one makes it, one waits."""
    directory = cache_dir() / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
