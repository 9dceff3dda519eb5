"""Which machine is this: what sysfs shows, and what follows from it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasource_hyperv_kvp.platform import (
    AZURE_ASSET_TAG,
    DMI,
    KVP_CLASS_ID,
    VMBus,
    instance_id,
    is_azure,
    is_hyperv,
    read_dmi,
    read_vmbus,
    same_machine,
)

HYPERV = DMI(
    sys_vendor="Microsoft Corporation",
    product_name="Virtual Machine",
    product_uuid="4E3C1B5A-9F2D-4C7E-8A61-0B5D2F7C9E13",
    chassis_asset_tag="7254-2934-8830-1245-6342-9924-06",
)


def _dmi_root(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / name).write_text(text)
    return root


def test_dmi_is_read_as_sysfs_shows_it(tmp_path: Path) -> None:
    root = _dmi_root(
        tmp_path,
        sys_vendor="Microsoft Corporation\n",
        product_name="Virtual Machine\n",
        product_uuid=f"{HYPERV.product_uuid}\n",
        chassis_asset_tag=f"{HYPERV.chassis_asset_tag}\n",
    )
    assert read_dmi(root) == HYPERV


def test_what_dmi_does_not_show_is_empty(tmp_path: Path) -> None:
    assert read_dmi(tmp_path / "none") == DMI()
    assert read_dmi(_dmi_root(tmp_path, sys_vendor="QEMU\n")) == DMI(sys_vendor="QEMU")


@pytest.mark.parametrize(
    ("dmi", "hyperv"),
    [
        (HYPERV, True),
        (replace(HYPERV, product_name="Surface Laptop"), False),
        (replace(HYPERV, sys_vendor="QEMU"), False),
        (DMI(), False),
    ],
)
def test_hyper_v_is_known_by_vendor_and_product(dmi: DMI, hyperv: bool) -> None:
    assert is_hyperv(dmi) is hyperv


def test_azure_is_known_by_its_asset_tag_alone() -> None:
    assert not is_azure(HYPERV)
    azure = replace(HYPERV, chassis_asset_tag=AZURE_ASSET_TAG)
    assert is_azure(azure)
    assert is_hyperv(azure)


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [
        (HYPERV.product_uuid, "4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13"),
        ("", ""),
        ("Not Settable", ""),
        ("00000000-0000-0000-0000-000000000000", ""),
        ("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", ""),
    ],
)
def test_the_instance_id_is_the_bios_guid_in_lower_case(uuid: str, expected: str) -> None:
    assert instance_id(replace(HYPERV, product_uuid=uuid)) == expected


def test_a_machine_is_known_again_with_its_first_groups_swapped() -> None:
    uuid = "4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13"
    swapped = "5a1b3c4e-2d9f-7e4c-8a61-0b5d2f7c9e13"
    assert same_machine(uuid, uuid)
    assert same_machine(uuid, swapped)
    assert same_machine(swapped, uuid)
    assert same_machine(uuid.upper(), swapped)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("", ""),
        ("4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13", ""),
        ("4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13", "4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e14"),
        # all the bytes, or only one group swapped: no kernel and no firmware does that
        ("4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13", "5a1b3c4e-9f2d-4c7e-8a61-0b5d2f7c9e13"),
        ("4e3c1b5a-9f2d-4c7e-8a61-0b5d2f7c9e13", "5a1b3c4e-2d9f-7e4c-618a-139e7c2f5d0b"),
    ],
)
def test_other_machines_are_others(a: str, b: str) -> None:
    assert not same_machine(a, b)


def test_an_instance_id_need_not_be_an_uuid() -> None:
    assert same_machine("web-1", "web-1")
    assert not same_machine("web-1", "web-2")


@given(st.uuids())
def test_swapping_is_what_pythons_uuid_does_with_its_bytes_le(uuid: object) -> None:
    import uuid as module

    text = str(uuid)
    assert same_machine(text, str(module.UUID(bytes_le=module.UUID(text).bytes)))


def _vmbus_root(root: Path, *class_ids: str) -> Path:
    for number, class_id in enumerate(class_ids):
        device = root / "devices" / f"device-{number}"
        device.mkdir(parents=True)
        (device / "class_id").write_text(f"{class_id}\n")
    return root


STORAGE = "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}"


def test_vmbus_is_not_up_without_devices(tmp_path: Path) -> None:
    assert read_vmbus(tmp_path) == VMBus(up=False, offers_kvp=False)
    (tmp_path / "devices").mkdir()
    assert read_vmbus(tmp_path) == VMBus(up=False, offers_kvp=False)


def test_vmbus_shows_whether_the_host_offers_kvp(tmp_path: Path) -> None:
    assert read_vmbus(_vmbus_root(tmp_path / "off", STORAGE)) == VMBus(up=True, offers_kvp=False)
    with_kvp = _vmbus_root(tmp_path / "on", STORAGE, KVP_CLASS_ID)
    assert read_vmbus(with_kvp) == VMBus(up=True, offers_kvp=True)


def test_asking_costs_no_heavy_import() -> None:
    code = (
        "import sys, datasource_hyperv_kvp.platform;"
        "print(*{'yaml', 'requests', 'jsonschema', 'subprocess', 'json'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
