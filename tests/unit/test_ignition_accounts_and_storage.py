"""Accounts, kernel arguments, disks, RAID, file systems and LUKS."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ignition_configs import disk, errors, warnings

GUID = "01234567-89AB-CDEF-EDCB-A98765432101"


def filesystem(**fields: Any) -> dict[str, Any]:
    return {"storage": {"filesystems": [{"device": "/dev/sda1", **fields}]}}


def raid(**fields: Any) -> dict[str, Any]:
    item = {"name": "r", "level": "raid1", "devices": ["/dev/sda", "/dev/sdb"], **fields}
    return {"storage": {"raid": [item]}}


def luks(**fields: Any) -> dict[str, Any]:
    return {"storage": {"luks": [{"name": "l", "device": "/dev/sda1", **fields}]}}


def test_names_of_accounts_are_not_checked_but_differ() -> None:
    names = [{"name": ""}, {"name": "a b"}, {"name": "ä"}, {"name": "a b"}]
    assert errors({"passwd": {"users": names, "groups": names}}) == [
        "$.passwd.users.3",
        "$.passwd.groups.3",
    ]


def test_groups_and_keys_of_a_user_differ() -> None:
    user = {"name": "a", "groups": ["x", "x"], "sshAuthorizedKeys": ["k", "l", "k"]}
    assert errors({"passwd": {"users": [user]}}) == [
        "$.passwd.users.0.groups.1",
        "$.passwd.users.0.sshAuthorizedKeys.2",
    ]


def test_kernel_arguments_that_should_and_should_not_exist_differ() -> None:
    parts = {"kernelArguments": {"shouldExist": ["a", "b", "a"], "shouldNotExist": ["b"]}}
    assert errors(parts) == [
        "$.kernelArguments.shouldExist.2",
        "$.kernelArguments.shouldNotExist.0",
    ]


def test_a_disk_needs_a_device() -> None:
    assert errors(disk(device="")) == ["$.storage.disks.0.device"]
    assert errors(disk(device="sda")) == ["$.storage.disks.0.device"]


@pytest.mark.parametrize(
    "partition",
    [
        {"number": 1},
        {"label": "a"},
        {"label": ""},
        {"number": 0, "label": "a"},
        {"number": 1, "label": "ä" * 18},
        {"number": 1, "guid": GUID.lower(), "typeGuid": ""},
        {"number": 1, "shouldExist": False},
        {"number": -1},
    ],
)
def test_partitions_that_are_right(partition: dict[str, Any]) -> None:
    assert errors(disk(partition)) == []


@pytest.mark.parametrize(
    ("partition", "field"),
    [
        ({}, ""),
        ({"number": 0}, ""),
        ({"number": 1, "label": "x" * 37}, ".label"),
        ({"number": 1, "label": "ä" * 19}, ".label"),
        ({"number": 1, "label": "a:b"}, ".label"),
        ({"number": 1, "guid": "x"}, ".guid"),
        ({"number": 1, "typeGuid": GUID + "\n"}, ".typeGuid"),
        ({"number": 1, "shouldExist": False, "label": ""}, ""),
        ({"number": 1, "shouldExist": False, "sizeMiB": 0}, ""),
        ({"number": 1, "shouldExist": False, "guid": GUID}, ""),
    ],
)
def test_partitions_that_are_wrong(partition: dict[str, Any], field: str) -> None:
    assert errors(disk(partition)) == [f"$.storage.disks.0.partitions.0{field}"]


def test_numbers_and_labels_differ_on_a_disk() -> None:
    found = errors(
        disk({"number": 1, "label": "a"}, {"number": 1, "label": "b"}, {"number": 2, "label": "a"})
    )
    assert set(found) == {"$.storage.disks.0.partitions.1", "$.storage.disks.0.partitions.2"}


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ((1, 10), (11, 10), False),
        ((1, 10), (10, 10), True),
        ((5, 2), (1, 10), True),
        ((1, 10), (5, 0), True),
        ((1, 0), (1, 0), True),
        ((1, 0), (2, 0), False),
        ((0, 10), (0, 10), False),
        ((1, 10), (0, 10), False),
    ],
)
def test_partitions_do_not_overlap(
    first: tuple[int, int], second: tuple[int, int], overlap: bool
) -> None:
    parts = disk(
        *({"number": i, "startMiB": s, "sizeMiB": n} for i, (s, n) in enumerate((first, second), 1))
    )
    assert bool(errors(parts)) is overlap


@pytest.mark.parametrize("level", ["linear", "raid0", "0", "stripe"])
def test_levels_without_redundancy_have_no_spares(level: str) -> None:
    assert errors(raid(level=level, spares=0)) == []
    assert errors(raid(level=level, spares=1)) == ["$.storage.raid.0.level"]


@pytest.mark.parametrize("level", ["raid1", "1", "mirror", "4", "raid5", "raid6", "10"])
def test_levels_with_redundancy_may_have_spares(level: str) -> None:
    assert errors(raid(level=level, spares=1)) == []


@pytest.mark.parametrize("level", ["", None, "raid2", "RAID1"])
def test_other_levels_are_errors(level: str | None) -> None:
    for minor in (2, 3):
        assert errors(raid(level=level), minor) == ["$.storage.raid.0.level"]


def test_an_array_needs_devices_by_path_that_differ() -> None:
    assert errors(raid(devices=[])) == ["$.storage.raid.0.devices"]
    assert errors(raid(devices=["sda", "/dev/sdb", "/dev/sdb"])) == [
        "$.storage.raid.0.devices.0",
        "$.storage.raid.0.devices.2",
    ]


@pytest.mark.parametrize(
    "field", ["path", "label", "uuid", "wipeFilesystem", "options", "mountOptions"]
)
def test_what_a_file_system_has_needs_a_format(field: str) -> None:
    values = {"path": "/a", "wipeFilesystem": True, "options": ["x"], "mountOptions": ["x"]}
    found = errors(filesystem(**{field: values.get(field, "x")}))
    assert "$.storage.filesystems.0.format" in found


def test_none_is_a_format_since_3_3() -> None:
    assert errors(filesystem(format="none"), 2) == ["$.storage.filesystems.0.format"]
    assert errors(filesystem(format="none"), 3) == []


@pytest.mark.parametrize(
    ("name", "longest"), [("ext4", 16), ("btrfs", 256), ("xfs", 12), ("swap", 15), ("vfat", 11)]
)
def test_labels_of_file_systems_have_a_length_in_bytes(name: str, longest: int) -> None:
    assert errors(filesystem(format=name, label="x" * longest)) == []
    for label in ("x" * (longest + 1), "ä" * (longest // 2 + 1)):
        assert errors(filesystem(format=name, label=label)) == ["$.storage.filesystems.0.label"]


def test_options_of_a_file_system_may_be_doubled() -> None:
    assert errors(filesystem(format="ext4", options=["-a", "-a"], mountOptions=["x", "x"])) == []


def test_a_file_system_on_a_disk_of_the_config_is_a_warning() -> None:
    path = "$.storage.filesystems.0.device"
    item = {"device": "/dev/sda", "format": "ext4"}
    for disks, found in (
        (disk({"number": 1}), [path]),
        (disk(wipeTable=True), [path]),
        (disk(), []),
    ):
        assert warnings({"storage": {**disks["storage"], "filesystems": [item]}}) == found
    wiped = {**disk(wipeTable=True)["storage"], "filesystems": [{**item, "wipeFilesystem": True}]}
    assert warnings({"storage": wiped}) == []


def test_a_volume_needs_a_name_without_slash_and_a_device() -> None:
    assert errors(luks(name="a/b", device=None)) == [
        "$.storage.luks.0.name",
        "$.storage.luks.0.device",
    ]
    assert errors(luks(label="x" * 47)) == []
    assert errors(luks(label="x" * 48)) == ["$.storage.luks.0.label"]


def test_a_wrong_key_file_is_said_in_two_places() -> None:
    assert sorted(errors(luks(keyFile={"source": "x"}))) == [
        "$.storage.luks.0.keyFile.source",
        "$.storage.luks.0.keys",
    ]


def test_options_of_a_volume_may_be_doubled_but_not_those_for_opening() -> None:
    assert errors(luks(options=["x", "x"], openOptions=["x", "x"])) == [
        "$.storage.luks.0.openOptions.1"
    ]


@pytest.mark.parametrize(
    "other", [{"tpm2": True}, {"threshold": 1}, {"tang": [{"url": "http://t", "thumbprint": "x"}]}]
)
def test_a_custom_pin_excludes_the_others(other: dict[str, Any]) -> None:
    clevis = {"custom": {"pin": "tpm2", "config": "{}"}, **other}
    assert errors(luks(clevis=clevis)) == ["$.storage.luks.0.clevis"]


def test_an_empty_custom_object_excludes_the_others_in_3_2_alone() -> None:
    parts = luks(clevis={"custom": {}, "tpm2": True})
    assert errors(parts, 2) == ["$.storage.luks.0.clevis"]
    assert errors(parts, 3) == []


@pytest.mark.parametrize(
    ("custom", "fields"),
    [
        ({"pin": "tpm2"}, ["config"]),
        ({"config": "{}"}, ["pin"]),
        ({"needsNetwork": True}, ["pin", "config"]),
        ({"needsNetwork": False}, []),
        ({"pin": "other", "config": "{}"}, ["pin"]),
    ],
)
def test_a_custom_pin_has_a_name_and_a_config(custom: dict[str, Any], fields: list[str]) -> None:
    expected = [f"$.storage.luks.0.clevis.custom.{field}" for field in fields]
    assert errors(luks(clevis={"custom": custom}), 5) == expected


def test_any_pin_is_right_since_3_6() -> None:
    assert errors(luks(clevis={"custom": {"pin": "other", "config": "{}"}}), 6) == []


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("http://t", True),
        ("HTTPS://t", True),
        ("ftp://t", False),
        ("", False),
        ("http://t:x", False),
    ],
)
def test_tang_servers_have_a_web_address_and_a_thumbprint(url: str, valid: bool) -> None:
    path = "$.storage.luks.0.clevis.tang.0"
    assert errors(luks(clevis={"tang": [{"url": url, "thumbprint": "x"}]})) == (
        [] if valid else [f"{path}.url"]
    )
    assert f"{path}.thumbprint" in errors(luks(clevis={"tang": [{"url": url}]}))


@pytest.mark.parametrize(
    ("text", "valid"),
    [("", True), ("{}", True), ("1e400", False), ("[1e-400]", True), ("{", False), ("NaN", False)],
)
def test_an_advertisement_is_json(text: str, valid: bool) -> None:
    tang = {"url": "http://t", "thumbprint": "x", "advertisement": text}
    expected = [] if valid else ["$.storage.luks.0.clevis.tang.0.advertisement"]
    assert errors(luks(clevis={"tang": [tang]})) == expected


def test_cex_excludes_clevis_and_key_files() -> None:
    cex = {"enabled": True}
    assert errors(luks(cex=cex, clevis={"tpm2": True})) == ["$.storage.luks.0.cex"]
    assert errors(luks(cex=cex, keyFile={"source": "data:,x"})) == ["$.storage.luks.0.cex"]
    assert errors(luks(cex={"enabled": False}, clevis={"tpm2": True})) == []
