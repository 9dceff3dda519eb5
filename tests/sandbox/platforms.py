"""Made-up firmware and buses: what a guest finds in /sys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: The KVP service's class on VMBus (``HV_KVP_GUID`` in ``linux/hyperv.h``), as sysfs spells it.
KVP_CLASS_ID = "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}"
#: Any other service's: here the heartbeat, which every virtual machine has.
HEARTBEAT_CLASS_ID = "{57164f39-9115-4e78-ab55-382f3bd5422d}"
#: By this asset tag, and by nothing else, Azure differs from Hyper-V.
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"


@dataclass(frozen=True)
class Machine:
    """A kind of virtual machine, as its guest sees it."""

    sys_vendor: str = "Microsoft Corporation"
    product_name: str = "Virtual Machine"
    product_uuid: str = "6e3a1c52-9d0b-4c1e-8f27-2b5d7a904c11"
    chassis_asset_tag: str = "0000-0000-0000-0000-0000-0000-00"
    vmbus: bool = True  #: the bus is there
    offers_kvp: bool = True  #: "Data Exchange" is switched on on the host


HYPERV = Machine()
AZURE = Machine(chassis_asset_tag=AZURE_ASSET_TAG)
OTHER = Machine(
    sys_vendor="QEMU",
    product_name="Standard PC (Q35 + ICH9, 2009)",
    chassis_asset_tag="",
    vmbus=False,
    offers_kvp=False,
)


def write_sys(machine: Machine, directory: Path) -> None:
    """Write the part of /sys that tells ``machine`` from others below ``directory``."""
    dmi = directory / "class/dmi/id"
    dmi.mkdir(parents=True)
    for name in ("sys_vendor", "product_name", "product_uuid", "chassis_asset_tag"):
        (dmi / name).write_text(f"{getattr(machine, name)}\n")
    for name in ("product_uuid",):
        (dmi / name).chmod(0o400)
    if machine.vmbus:
        (directory / "bus/vmbus/drivers/hv_utils").mkdir(parents=True)
        offered = [HEARTBEAT_CLASS_ID] + [KVP_CLASS_ID] * machine.offers_kvp
        for number, class_id in enumerate(offered):
            device = directory / f"bus/vmbus/devices/00000000-0000-0000-0000-00000000000{number}"
            device.mkdir(parents=True)
            (device / "class_id").write_text(f"{class_id}\n")
