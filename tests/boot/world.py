"""What a guest is told about the world: its firmware, its host, and what that host says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace

from tests.boot.guest.channel import Planned
from tests.hyperv.engine import GET_IP_INFO, SET, Request

#: A virtual machine's BIOS GUID, where a test does not care.
UUID = "5ca1ab1e-0000-4000-8000-00000000cafe"
OTHER_UUID = "0ddba11e-0000-4000-8000-00000000beef"
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"

#: What every Hyper-V host tells every guest in pool 3.
HOST_FACTS = {
    "HostName": "hv-host-7.example.org",
    "HostingSystemEditionId": "7",
    "HostingSystemOsMajor": "10",
    "HostingSystemOsMinor": "0",
    "PhysicalHostName": "HV-HOST-7",
    "PhysicalHostNameFullyQualified": "hv-host-7.example.org",
    "VirtualMachineDynamicMemoryBalancingEnabled": "0",
    "VirtualMachineId": "7A1B9C4E-1111-4222-8333-444455556666",
    "VirtualMachineName": "web-17",
}


@dataclass(frozen=True)
class Firmware:
    """What DMI says."""

    vendor: str = "Microsoft Corporation"
    product: str = "Virtual Machine"
    uuid: str = UUID
    asset_tag: str = "1234-5678"


HYPERV = Firmware()
AZURE = Firmware(asset_tag=AZURE_ASSET_TAG)
NOT_HYPERV = Firmware(vendor="QEMU", product="Standard PC (i440FX + PIIX, 1996)", asset_tag="")


@dataclass(frozen=True)
class World:
    """One boot's surroundings.

    :param requests: what the host asks of the guest, in its order.
    :param device_after: seconds until ``/dev/vmbus/hv_kvp`` is there; None: it never comes.
    :param vmbus: whether sysfs shows VMBus.
    :param offers_kvp: whether KVP is among its devices.
    """

    requests: tuple[Planned, ...] = ()
    firmware: Firmware = HYPERV
    device_after: float | None = 0.0
    vmbus: bool = True
    offers_kvp: bool = True

    def message(self) -> dict[str, object]:
        """Give what the agent in the guest is told."""
        return {
            "vmbus": self.vmbus,
            "offers_kvp": self.offers_kvp,
            "device_after": self.device_after,
            "requests": [
                {**asdict(planned.request), "at": planned.at} for planned in self.requests
            ],
        }


@dataclass(frozen=True)
class Host:
    """Builds what a host says: its first questions, its facts, then the keys of pool 0."""

    facts: Mapping[str, str] = field(default_factory=lambda: dict(HOST_FACTS))

    def requests(self, keys: Mapping[str, str]) -> tuple[Planned, ...]:
        """All at once, as a host does when a guest registers."""
        return (
            Planned(Request(GET_IP_INFO)),
            *sets(self.facts, pool=3),
            *sets(keys),
        )


def sets(keys: Mapping[str, str], *, pool: int = 0, at: float = 0.0) -> tuple[Planned, ...]:
    """Give the requests that set ``keys``."""
    return tuple(Planned(Request(SET, pool, key, value), at) for key, value in keys.items())


def later(requests: Iterable[Planned], seconds: float) -> tuple[Planned, ...]:
    """Give the same requests, so many seconds later."""
    return tuple(replace(request, at=request.at + seconds) for request in requests)
