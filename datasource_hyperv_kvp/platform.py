"""Which machine is this: DMI and VMBus, as sysfs shows them.

Only the standard library, and little of that: cloud-init asks these questions on every boot of
every machine that lists the datasource.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: Where the kernel shows DMI.
DMI_ROOT = Path("/sys/class/dmi/id")

#: Where the kernel shows VMBus, the channel between Hyper-V and its guests.
VMBUS_ROOT = Path("/sys/bus/vmbus")

#: The class of the key-value exchange service (``HV_KVP_GUID`` in the kernel's ``linux/hyperv.h``).
KVP_CLASS_ID = "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}"

#: Azure puts this into the chassis asset tag of its virtual machines; nothing else of theirs
#: differs from Hyper-V on premises.
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What firmware shows when nobody has set an UUID.
_NO_UUIDS = frozenset(
    {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"}
)


@dataclass(frozen=True)
class DMI:
    """What the firmware says about the machine; ``""`` where it says nothing."""

    sys_vendor: str = ""
    product_name: str = ""
    product_uuid: str = ""
    chassis_asset_tag: str = ""


@dataclass(frozen=True)
class VMBus:
    """The state of VMBus: whether its devices are there, and whether KVP is among them."""

    up: bool
    offers_kvp: bool


def read_dmi(root: Path = DMI_ROOT) -> DMI:
    """Read DMI; what is missing, or not for this user to read, is ``""``."""
    return DMI(
        sys_vendor=_line(root / "sys_vendor"),
        product_name=_line(root / "product_name"),
        product_uuid=_line(root / "product_uuid"),
        chassis_asset_tag=_line(root / "chassis_asset_tag"),
    )


def is_hyperv(dmi: DMI) -> bool:
    """Tell whether this is a Hyper-V guest; Azure's guests are, too."""
    return dmi.sys_vendor == "Microsoft Corporation" and dmi.product_name == "Virtual Machine"


def is_azure(dmi: DMI) -> bool:
    """Tell whether this Hyper-V guest is at home in Azure."""
    return dmi.chassis_asset_tag == AZURE_ASSET_TAG


def instance_id(dmi: DMI) -> str:
    """Give the virtual machine's BIOS GUID in lower case, ``""`` if it has none.

    Generation and kernel decide about the byte order of its first three groups: compare with
    :func:`same_machine`.
    """
    uuid = dmi.product_uuid.lower()
    return uuid if _UUID.fullmatch(uuid) and uuid not in _NO_UUIDS else ""


def same_machine(a: str, b: str) -> bool:
    """Tell whether two instance-ids name one machine.

    They do when they are equal, or equal after the bytes of the first three groups of one were
    swapped: an upgrade of the kernel or of the virtual machine may do that. Case does not count.
    """
    a, b = a.lower(), b.lower()
    if not a or not b:
        return False
    return a == b or (_UUID.fullmatch(a) is not None and _swap(a) == b)


def read_vmbus(root: Path = VMBUS_ROOT) -> VMBus:
    """Look which services the host offers.

    VMBus counts as up when it has devices: every Hyper-V guest is offered some. Whether KVP is
    offered is known from then on; an administrator can switch it off ("Data Exchange").
    """
    try:
        classes = [_line(device / "class_id") for device in (root / "devices").iterdir()]
    except OSError:
        return VMBus(up=False, offers_kvp=False)
    return VMBus(
        up=bool(classes), offers_kvp=any(found.lower() == KVP_CLASS_ID for found in classes)
    )


def _swap(uuid: str) -> str:
    first, second, third, rest = uuid.split("-", 3)
    swapped = (bytes.fromhex(group)[::-1].hex() for group in (first, second, third))
    return "-".join((*swapped, rest))


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
