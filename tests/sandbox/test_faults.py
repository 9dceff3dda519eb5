"""Whatever is wrong with the payload or with us: the machine comes up, and says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from datasource_hyperv_kvp.payload import MANIFEST_KEY, encode
from tests.sandbox.conftest import MakeGuest
from tests.sandbox.hyperv import PACKAGE, HyperVGuest
from tests.sandbox.payloads import (
    IGNITION,
    KEY,
    META_DATA,
    NETWORK_CONFIG,
    USER_CONFIG,
    USER_DATA,
    VENDOR_DATA,
    assert_clean,
    assert_reachable,
    assert_user_data_applied,
    ignition,
)

META = json.dumps({"local-hostname": "ford", "public-keys": [KEY]})
LONG = "#cloud-config\n" + "# padding\n" * 1000 + "hostname: never\n"
OTHER_MACHINES = """\
version: 2
ethernets:
  lan: {dhcp6: true, set-name: lan, match: {macaddress: "00:15:5d:ff:ff:ff"}}
"""
GOOD = {USER_DATA: USER_CONFIG, META_DATA: META}


def without(keys: dict[str, str], key: str) -> dict[str, str]:
    """Lose one key."""
    return {name: value for name, value in keys.items() if name != key}


def changed(keys: dict[str, str], key: str, value: str) -> dict[str, str]:
    """Damage one key."""
    assert key in keys
    return {**keys, key: value}


def long_user_data() -> dict[str, str]:
    """User-data in many keys."""
    keys = encode({USER_DATA: LONG, META_DATA: META}, encoding={USER_DATA: "base64"})
    assert f"{USER_DATA}.7" in keys
    return keys


#: Name of the fault: keys, what the status must name, what the log must say.
DAMAGE: dict[str, tuple[Callable[[], dict[str, str]], str, str]] = {
    "a chunk is missing": (
        lambda: without(long_user_data(), f"{USER_DATA}.7"),
        "user-data",
        f"{USER_DATA}.7",
    ),
    "a chunk is not what was sent": (
        lambda: changed(long_user_data(), f"{USER_DATA}.7", "x"),
        "user-data",
        "sha256",
    ),
    "an unknown encoding": (
        lambda: {META_DATA: META, USER_DATA: "x", f"{USER_DATA}.encoding": "rot13"},
        "user-data",
        "rot13",
    ),
    "not text": (
        lambda: {USER_DATA: "//79", f"{USER_DATA}.encoding": "base64", META_DATA: META},
        "user-data",
        "UTF-8",
    ),
    "a manifest that is no JSON": (
        lambda: changed(encode(GOOD), MANIFEST_KEY, "{"),
        "manifest",
        MANIFEST_KEY,
    ),
    "a config that is no JSON": (
        lambda: encode({**GOOD, IGNITION: "{"}),
        "ignition.config",
        "line 1",
    ),
    "an invalid config": (
        lambda: encode({**GOOD, IGNITION: ignition(storage={"files": [{"path": "x"}]})}),
        "ignition.config",
        "$.storage.files.0.path",
    ),
    "a config that this machine cannot become": (
        lambda: encode(
            {
                **GOOD,
                IGNITION: ignition(
                    storage={"files": [{"path": "/etc", "contents": {"source": "data:,x"}}]}
                ),
            }
        ),
        "ignition.config",
        "/etc",
    ),
    "a config with a part that nobody applies yet": (
        lambda: encode({**GOOD, IGNITION: ignition(storage={"disks": [{"device": "/dev/sdb"}]})}),
        "ignition.config",
        "$.storage.disks",
    ),
    "meta-data that is no mapping": (
        lambda: encode({USER_DATA: USER_CONFIG, META_DATA: "- a\n- b\n"}),
        "meta-data",
        "mapping",
    ),
    "a network-config that is none": (
        lambda: encode({**GOOD, NETWORK_CONFIG: "version: 7\n"}),
        "network-config",
        "version",
    ),
    "a network-config that netplan refuses": (
        lambda: encode({**GOOD, NETWORK_CONFIG: "version: 2\nethers: {eth0: {}}\n"}),
        "network-config",
        "netplan refuses it",
    ),
    "a network-config for another machine": (
        lambda: encode({**GOOD, NETWORK_CONFIG: OTHER_MACHINES}),
        "network-config",
        "00:15:5d:ff:ff:ff",
    ),
    "vendor-data that is damaged": (
        lambda: changed(
            encode({**GOOD, VENDOR_DATA: "#cloud-config\n{}"}), f"{VENDOR_DATA}.0", "x"
        ),
        "vendor-data",
        VENDOR_DATA,
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_document_is_named_and_the_machine_comes_up(
    guest: HyperVGuest, name: str
) -> None:
    keys, in_status, in_log = DAMAGE[name]
    guest.receive_keys(keys())
    documents = keys().values()
    guest.boot()
    assert_reachable(guest)
    status = guest.status()
    assert not status.clean
    assert in_status in status.text
    errors = [line for line in guest.log().splitlines() if "[ERROR]" in line]
    # what is wrong, and what to do about it
    assert any(in_log in line and "on the host" in line for line in errors), errors
    # everything else of the payload is applied, unless nobody can tell what is whole
    known = in_status != "manifest"
    if known and META in documents:
        assert guest.run(["hostname"]).out == "ford\n"
        assert KEY in guest.read("/home/debian/.ssh/authorized_keys")
    if USER_CONFIG in keys().values() and in_log != MANIFEST_KEY:
        assert_user_data_applied(guest)
    # nothing of the damaged document is, and the network comes up as without it
    assert "dhcp4: true" in guest.read("/etc/netplan/50-cloud-init.yaml")
    assert not guest.exists("/srv/app")
    assert guest.run(["hostname"]).out != "never\n"


@pytest.mark.parametrize(
    "module",
    [
        "payload/__init__.py",
        "kvp/__init__.py",
        "platform.py",
        "instance.py",
        "metadata.py",
        "mime.py",
        "damage.py",
        "earlier_boots.py",
        "faults.py",
        "network_config.py",
        "interrupted.py",
        "errors.py",
        "translation.py",
        "ignition/__init__.py",
    ],
)
def test_a_bug_of_ours_anywhere_does_not_keep_the_machine_from_coming_up(
    guest: HyperVGuest, module: str
) -> None:
    guest.write(f"/{PACKAGE}/{module}", "raise RuntimeError('nobody expected this')\n")
    network = "version: 2\nethernets: {eth0: {dhcp4: true}}\n"
    guest.receive({**GOOD, IGNITION: ignition(), NETWORK_CONFIG: network})
    guest.boot()
    assert_reachable(guest)
    assert not guest.status().clean or "RuntimeError" in guest.log()


def test_a_missing_dependency_does_not_keep_the_machine_from_coming_up(guest: HyperVGuest) -> None:
    guest.run(["rm", "-r", "/usr/lib/python3/dist-packages/jsonschema"])
    guest.receive({**GOOD, IGNITION: ignition(storage={"files": [{"path": 1}]})})
    guest.boot()
    assert_reachable(guest)
    assert_user_data_applied(guest)
    status = guest.status()
    assert not status.clean
    assert "jsonschema" in guest.complaints()


@pytest.mark.parametrize("wrong", ["option", "reader"])
def test_what_keeps_us_from_reading_shows_whoever_provisions_the_machine(
    make_guest: MakeGuest, wrong: str
) -> None:
    guest = make_guest(datasources=["HyperVKVP", "NoCloud", "None"])
    guest.write("/var/lib/cloud/seed/nocloud/meta-data", "instance-id: seed\n")
    guest.write("/var/lib/cloud/seed/nocloud/user-data", "#cloud-config\nhostname: seedling\n")
    options = Path(guest.root, "etc/cloud/cloud.cfg.d/98_wrong.cfg")
    reader = Path(guest.root, PACKAGE, "kvp/__init__.py")
    whole = reader.read_text()
    if wrong == "option":
        options.write_text("datasource: {HyperVKVP: {patience: 7}}\n")
    else:
        reader.write_text("raise RuntimeError\n")
    guest.receive(GOOD)
    guest.boot()
    assert guest.run(["cloud-id"]).out == "nocloud\n"
    assert guest.run(["hostname"]).out == "seedling\n"
    status = guest.status()
    assert not status.clean
    assert "HyperVKVP-keys-of-the-host-not-read" in status.text
    if wrong == "option":
        assert "patience" in guest.run(["hyperv-kvp", "diagnose"], check=False).out
    # mended, the next boot has nothing to say
    options.unlink(missing_ok=True)
    reader.write_text(whole)
    guest.power_cycle()
    guest.boot()
    assert_clean(guest)
