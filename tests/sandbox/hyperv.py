"""A guest with this package installed, and the host that sends it keys."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from datasource_hyperv_kvp.kvp import AUTO_EXTERNAL, EXTERNAL, write_pool_files
from datasource_hyperv_kvp.payload import encode
from tests.hyperv.host import KvpHost
from tests.hyperv.tools import preload_library
from tests.sandbox.platforms import HYPERV, Machine
from tests.sandbox.sandbox import Sandbox

PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = Path("usr/lib/python3/dist-packages/datasource_hyperv_kvp")
POOL_DIR = "var/lib/hyperv"
DEVICE = "dev/vmbus/hv_kvp"
#: Where the guest finds what stands in for its kernel's end of the device.
LIBRARY = Path("/opt/kvp-preload.so")
SOCKET = Path("/opt/kvp.socket")

#: What every Hyper-V host sends in pool 3, unasked.
FACTS: Mapping[str, str] = {
    "HostName": "HV01",
    "HostingSystemEditionId": "8",
    "HostingSystemOsMajor": "10",
    "HostingSystemOsMinor": "0",
    "PhysicalHostName": "HV01",
    "PhysicalHostNameFullyQualified": "hv01.example.net",
    "VirtualMachineId": "C0FFEE00-0000-4000-8000-000000000001",
    "VirtualMachineName": "web-1",
}


def install(release: str, directory: Path) -> Path:
    """Install the package into ``directory`` as a user does, with byte code as dpkg makes it.

    :returns: ``directory``, a layer for :class:`Sandbox`.
    """
    subprocess.run(
        ["make", "--silent", "-C", str(PROJECT), "install", f"DESTDIR={directory}"],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    with Sandbox(release, layers=[directory], interfaces=()) as guest:
        guest.run(["python3", "-m", "compileall", "-q", f"/{PACKAGE}"])
        for cached in sorted(guest.root.joinpath(PACKAGE).rglob("__pycache__")):
            shutil.copytree(cached, directory / cached.relative_to(guest.root))
    return directory


class HyperVGuest(Sandbox):
    """A sandbox with the package in it and a host beside it.

    :param layer: what :func:`install` made.
    :param datasources: the guest's ``datasource_list``, if it is not the package's own.
    """

    def __init__(
        self,
        release: str,
        *,
        layer: Path,
        machine: Machine = HYPERV,
        datasources: Sequence[str] = (),
        interfaces: Sequence[str] = ("eth0",),
    ) -> None:
        super().__init__(release, machine=machine, layers=[layer], interfaces=interfaces)
        self._datasources = datasources

    def __enter__(self) -> HyperVGuest:
        super().__enter__()
        if self._datasources:
            names = ", ".join(self._datasources)
            self.write("/etc/cloud/cloud.cfg.d/99_list.cfg", f"datasource_list: [{names}]\n")
        return self

    def power_on(self) -> None:
        """Power on and do what the package's own unit does before a KVP daemon starts."""
        super().power_on()
        self.run(["python3", "-m", "datasource_hyperv_kvp.kvp.empty_pools"])

    def receive(
        self,
        documents: Mapping[str, str] | None = None,
        *,
        encoding: str | Mapping[str, str] | None = None,
        facts: Mapping[str, str] = FACTS,
    ) -> None:
        """Find documents in the pool files, as a KVP daemon leaves them there."""
        self.receive_keys(encode(documents, encoding=encoding) if documents else {}, facts=facts)

    def receive_keys(self, keys: Mapping[str, str], *, facts: Mapping[str, str] = FACTS) -> None:
        """Find single keys in the pool files, as somebody set them by hand on the host."""
        write_pool_files(self.root / POOL_DIR, {EXTERNAL: keys, AUTO_EXTERNAL: facts})

    @contextmanager
    def host(self) -> Iterator[KvpHost]:
        """Play the host at the other end of the guest's device.

        The device can be opened by programs that run with :meth:`device_environment`.
        """
        library, socket = (self.root / path.relative_to("/") for path in (LIBRARY, SOCKET))
        shutil.copyfile(preload_library(), library)
        # The reader looks whether there is a device; the library answers for it.
        self.run(["sh", "-c", f"mkdir -p /dev/vmbus; : >/{DEVICE}"])
        with KvpHost(socket) as host:
            yield host

    def device_environment(self) -> dict[str, str]:
        """Give the environment in which a program of the guest opens the device."""
        return {"LD_PRELOAD": str(LIBRARY), "KVP_SOCKET": str(SOCKET)}

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Start the guest's own, real KVP daemon."""
        return self.start(["hv_kvp_daemon", "-n"], env=self.device_environment())
