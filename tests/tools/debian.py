"""Debian packages that the tests need on the machine itself: few, and none that runs a service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable

from tests.tools.steps import SetupError, run, step

#: For building root file systems, the virtual environment, and the preload library of the tests.
PACKAGES = (
    "ca-certificates",
    "debian-archive-keyring",
    "gcc",
    "gpg",
    "iproute2",
    "libc6-dev",
    "mmdebstrap",
    "mount",
    "python3-venv",
    "util-linux",
)


def missing(packages: Iterable[str]) -> list[str]:
    """Return those of ``packages`` that are not installed."""
    wanted = list(packages)
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *wanted],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    state = dict(line.split(" ", 1) for line in query.stdout.splitlines() if " " in line)
    return [name for name in wanted if state.get(name) != "installed"]


def install(packages: Iterable[str] = PACKAGES) -> None:
    """Install what is missing, without recommended packages and without a question.

    :raises SetupError: not root, not Debian or Ubuntu, or apt-get failed.
    """
    if os.geteuid() != 0:
        raise SetupError("the tests make namespaces and root file systems: run them as root")
    if shutil.which("apt-get") is None:
        raise SetupError("apt-get not found: the tests set themselves up on Debian and Ubuntu only")
    names = missing(packages)
    if not names:
        return
    with step(f"Installing {', '.join(names)}"):
        env = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        run(["apt-get", "update"], log="apt-update.log", timeout=600, env=env)
        run(
            ["apt-get", "install", "--yes", "--no-install-recommends", *names],
            log="apt-install.log",
            timeout=1800,
            env=env,
        )
