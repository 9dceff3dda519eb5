"""What a boot has read before the config came, by the paths that the config writes.

On a machine with Ignition the files are there before anything reads them. Here the readers are told
again, and where a reader cannot be told, one reboot does it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field

#: Where programs of systemd look for ``NAME.d`` and the like; /lib may be a link to /usr/lib.
_BASES = ("/etc", "/usr/local/lib", "/usr/lib", "/lib")

#: Directories that ``daemon-reload`` reads: units, generators, and what generators read.
_UNITS = tuple(
    f"{base}/systemd/{name}"
    for base in _BASES
    for name in ("system", "system-generators", "system-preset")
)
_GENERATED_FROM = (
    "/etc/fstab",
    "/etc/crypttab",
    "/etc/containers/systemd",
    "/usr/share/containers/systemd",
    "/etc/init.d",
    "/etc/rc.local",
)

#: A service that reads its files when it starts, and may be started again at any time.
_SERVICES = {
    "journald.conf": "systemd-journald.service",
    "logind.conf": "systemd-logind.service",
    "networkd.conf": "systemd-networkd.service",
    "oomd.conf": "systemd-oomd.service",
    "resolved.conf": "systemd-resolved.service",
    "timesyncd.conf": "systemd-timesyncd.service",
    "udev.conf": "systemd-udevd.service",
}

#: netplan makes the configuration of one of two services from its own files, early in a boot.
_NETPLAN = ("/etc/netplan", "/usr/lib/netplan", "/lib/netplan")

#: Who configures the network from what; in the network stage it has done so already.
_NETWORK = (
    (_NETPLAN, ("systemd-networkd.service", "NetworkManager.service")),
    (("/etc/NetworkManager", "/etc/sysconfig/network-scripts"), ("NetworkManager.service",)),
    (("/etc/network/interfaces", "/etc/network/interfaces.d"), ("networking.service",)),
    (("/etc/sysconfig/network", "/etc/wicked"), ("wicked.service",)),
)

#: Read once, by PID 1, the kernel or a driver: only a boot reads them again.
_BOOT_ONLY = (
    "/etc/machine-id",
    "/etc/selinux/config",
    *(f"{base}/modprobe.d" for base in _BASES),
    *(f"{base}/systemd/system.conf{tail}" for base in _BASES for tail in ("", ".d")),
)


@dataclass(frozen=True)
class Effects:
    """Who has to be told; ``reboot`` holds the paths that only a boot reads."""

    units: bool = False
    udev: bool = False
    modules: bool = False
    sysctl: bool = False
    binfmt: bool = False
    netplan: bool = False
    sysusers: tuple[str, ...] = ()
    tmpfiles: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    reboot: tuple[str, ...] = field(default=())


def effects(paths: Iterable[str]) -> Effects:
    """What files at ``paths`` (resolved) concern."""
    paths = tuple(dict.fromkeys(paths))
    services = (service for path in paths for service in _services(path))
    return Effects(
        units=any(_below(path, (*_UNITS, *_GENERATED_FROM)) for path in paths),
        udev=any(_in(path, "udev/rules.d") for path in paths),
        modules=any(_in(path, "modules-load.d") or path == "/etc/modules" for path in paths),
        sysctl=any(_in(path, "sysctl.d") or path == "/etc/sysctl.conf" for path in paths),
        binfmt=any(_in(path, "binfmt.d") for path in paths),
        sysusers=tuple(path for path in paths if _is_conf(path, "sysusers.d")),
        tmpfiles=tuple(path for path in paths if _is_conf(path, "tmpfiles.d")),
        netplan=any(_below(path, _NETPLAN) for path in paths),
        services=tuple(dict.fromkeys(services)),
        reboot=tuple(path for path in paths if _below(path, _BOOT_ONLY) or _is_link_file(path)),
    )


def _below(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


def _in(path: str, name: str) -> bool:
    return _below(path, tuple(f"{base}/{name}" for base in _BASES))


def _is_conf(path: str, name: str) -> bool:
    return _in(path, name) and path.endswith(".conf")


def _is_link_file(path: str) -> bool:
    """Settings of network devices, which udev applies when a device appears."""
    return _in(path, "systemd/network") and (path.endswith(".link") or ".link.d/" in path)


def _services(path: str) -> tuple[str, ...]:
    for places, services in _NETWORK:
        if _below(path, places):
            return services
    if _in(path, "systemd/network") and not _is_link_file(path):
        return ("systemd-networkd.service",)
    for name, service in _SERVICES.items():
        if any(_below(path, (f"{base}/systemd/{name}.d",)) for base in _BASES):
            return (service,)
        if posixpath.basename(path) == name and _in(path, "systemd"):
            return (service,)
    return ()
