"""The tools of the emulation, made once and kept in the cache: the real daemon, and the library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.tools.cache import cache_dir, locked, recipe_hash
from tests.tools.steps import SetupError, run, step

RELEASE = "bookworm"
PACKAGE = "hyperv-daemons"
DAEMON = Path("usr/sbin/hv_kvp_daemon")

# All of the package that anybody here needs; what it depends on comes along, and is not kept.
FILES = (
    DAEMON,
    Path("lib/systemd/system/hv-kvp-daemon.service"),
    Path("lib/udev/rules.d/60-hyperv-daemons.rules"),
)

_SOURCE = Path(__file__).with_name("preload.c")


def daemon_root() -> Path:
    """Return a directory with Debian's ``hyperv-daemons`` in it, unpacked and not installed.

    mmdebstrap fetches it, as it does the root file systems, so that Ubuntu does as well as Debian.

    :raises SetupError: it cannot be had.
    """
    directory = cache_dir() / "hyperv" / f"{PACKAGE}-{RELEASE}"
    with locked("hyperv-daemons"):
        if not all((directory / path).exists() for path in FILES):
            with step(f"Fetching {PACKAGE} of Debian {RELEASE} (once)"):
                extracted = directory.with_name(f"{directory.name}.extracted")
                build = directory.with_name(f"{directory.name}.new")
                for left_over in (extracted, build, directory):
                    shutil.rmtree(left_over, ignore_errors=True)
                directory.parent.mkdir(parents=True, exist_ok=True)
                what = ["--variant=extract", f"--include={PACKAGE}", RELEASE]
                run(
                    ["mmdebstrap", *what, str(extracted)],
                    log=f"{PACKAGE}.log",
                    timeout=600,
                    env={"LC_ALL": "C.UTF-8"},
                )
                for path in FILES:
                    (build / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(extracted / path, build / path)
                shutil.rmtree(extracted)
                build.rename(directory)
    return directory


def daemon_program() -> Path:
    """Return the real ``hv_kvp_daemon``."""
    return daemon_root() / DAEMON


def preload_library() -> Path:
    """Return the library that gives a program the emulated host's socket as its device.

    :raises SetupError: there is no gcc, or it fails.
    """
    source = _SOURCE.read_text(encoding="utf-8")
    library = cache_dir() / "hyperv" / f"kvp-preload-{recipe_hash(source)}.so"
    with locked("kvp-preload"):
        if not library.exists():
            library.parent.mkdir(parents=True, exist_ok=True)
            new = library.with_suffix(".new")
            command = ["gcc", "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-U_FORTIFY_SOURCE"]
            try:
                subprocess.run(
                    [*command, "-o", str(new), str(_SOURCE)],
                    check=True,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    timeout=120,
                )
            except FileNotFoundError as error:
                raise SetupError("gcc is needed: apt-get install gcc libc6-dev") from error
            except subprocess.CalledProcessError as error:
                raise SetupError(f"gcc fails on {_SOURCE.name}:\n{error.stderr}") from error
            new.replace(library)
    return library
