"""The network: configured first by us, and what has to stand before it is up."""

from __future__ import annotations

import re

from tests.boot.lab import Guest

ADDRESS = "192.0.2.17/24"
#: For the only network card that QEMU gives a guest.
NETWORK_CONFIG = f"""\
version: 2
ethernets:
  first:
    match: {{macaddress: "52:54:00:12:34:56"}}
    set-name: lan0
    addresses: ["{ADDRESS}"]
"""
#: Debian's cloud images have networkd enabled, and netplan 1.2 counts on it. The lab's other guests
#: have no network for which to start it.
NETWORKD = {
    "/usr/lib/systemd/system/multi-user.target.d/network.conf": (
        "[Unit]\nWants=systemd-networkd.service\n"
    ),
}
#: A service of the network's own early time, and the file it reads.
NEEDED_FILE = "/opt/needed-by-network"
NEEDING_UNIT = {
    "name": "network-needs.service",
    "enabled": True,
    "contents": "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\n"
    "Before=network-pre.target\nWants=network-pre.target\n"
    "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    f"ExecStart=/bin/cp {NEEDED_FILE} /run/network-needs-ran\n"
    "[Install]\nWantedBy=sysinit.target\n",
}


def assert_network(guest: Guest, needed: str) -> None:
    """The card has our name and address and nobody else's, after the unit has read ``needed``."""
    shown = guest.run("ip", "-brief", "address")
    assert re.search(rf"^lan0\s+UP\s+{ADDRESS}", shown, re.M), f"addresses:\n{shown}"
    others = [line for line in shown.splitlines() if not line.startswith(("lo ", "lan0 ", "dummy"))]
    assert not others, f"somebody else configured a network: {others}"
    journal = guest.run("journalctl", "--boot", "--no-pager", "--output=short-monotonic")
    assert "DHCPv4 address" not in journal, "DHCP was asked first"
    assert guest.read("/run/network-needs-ran") == needed
    assert _since_boot(guest, str(NEEDING_UNIT["name"])) < _since_boot(guest, "network.target")


def _since_boot(guest: Guest, unit: str) -> int:
    """Give the microseconds from the boot until a unit was active."""
    properties = guest.run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", unit)
    moment = int(properties.strip().partition("=")[2])
    assert moment, f"{unit} was never active"
    return moment
