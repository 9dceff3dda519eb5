"""Root file systems of Debian guests, one a release, with that release's real cloud-init."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.tools.cache import cache_dir, locked, recipe_hash
from tests.tools.steps import SetupError, run, step


@dataclass(frozen=True)
class Release:
    """One Debian release and the versions that make it worth a test."""

    name: str
    cloud_init: str  #: as tried when the tests were written
    python: str


RELEASES = {
    release.name: release
    for release in (
        Release("bookworm", cloud_init="22.4", python="3.11"),
        Release("trixie", cloud_init="25.1", python="3.13"),
        Release("forky", cloud_init="26.2", python="3.14"),
    )
}

#: What Debian's cloud image has and provisioning needs, and the real KVP daemon.
PACKAGES = (
    "ca-certificates",
    "cloud-guest-utils",
    "cloud-init",
    "dbus",
    "hyperv-daemons",
    "iproute2",
    "netplan.io",
    "openssh-server",
    "procps",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
)

OPTIONS = (
    "--variant=minbase",
    "--format=directory",
    # a release under test has short-lived indexes, and a machine's clock or mirror may be behind
    '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=Acquire::Languages "none"',
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    # as in an image: no identity of its own, nothing of the machine that built it
    "--customize-hook=rm -f $1/etc/ssh/ssh_host_*_key*",
    "--customize-hook=: > $1/etc/machine-id",
    "--customize-hook=rm -f $1/etc/resolv.conf",
    "--customize-hook=echo debian > $1/etc/hostname",
    "--customize-hook=printf '127.0.0.1 localhost\\n' > $1/etc/hosts",
)


def rootfs_dir(release: str) -> Path:
    """Return where the root file system of ``release`` is, or is going to be."""
    recipe = recipe_hash([release, PACKAGES, OPTIONS])
    return cache_dir() / "rootfs" / f"{release}-{recipe}"


def make_rootfs(release: str) -> Path:
    """Build the root file system of ``release``, unless it is there, and return it.

    It comes into being by a rename: what is there is whole.

    :raises SetupError: mmdebstrap failed.
    """
    directory = rootfs_dir(release)
    with locked(f"rootfs-{release}"):
        if directory.is_dir():
            return directory
        with step(f"Building the root file system of Debian {release} (about a minute, once)"):
            build = directory.with_name(f"{directory.name}.new")
            _remove(build)
            build.parent.mkdir(parents=True, exist_ok=True)
            packages = f"--include={','.join(PACKAGES)}"
            # No mirror is named: mmdebstrap knows Debian's own.
            run(
                ["mmdebstrap", *OPTIONS, packages, release, str(build)],
                log=f"mmdebstrap-{release}.log",
                timeout=1800,
                env={"LC_ALL": "C.UTF-8"},
            )
            build.rename(directory)
    return directory


def make_all(releases: Iterable[str] = RELEASES) -> None:
    """Build whatever is missing, two at a time: half the work is waiting for dpkg and the net."""
    with ThreadPoolExecutor(2) as pool:
        for made in [pool.submit(make_rootfs, release) for release in releases]:
            made.result()


def _remove(directory: Path) -> None:
    # --one-file-system: an interrupted build may have left a mount behind
    if directory.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(directory)], check=False)
    if directory.exists():
        raise SetupError(f"cannot remove {directory}: is something mounted below it?")


def cloudinit_path(release: str) -> Path:
    """Return a directory that holds nothing but the ``cloudinit`` package of ``release``.

    Put on ``PYTHONPATH`` it gives this machine's Python that version of cloud-init, without the
    guest's other packages.
    """
    directory = cache_dir() / "cloudinit" / rootfs_dir(release).name
    link = directory / "cloudinit"
    if not link.is_symlink():
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        link.symlink_to(rootfs_dir(release) / "usr/lib/python3/dist-packages/cloudinit")
    return directory
