"""The network: configured first by us, and what has to stand before it is up."""

from __future__ import annotations

import json
import re

from tests.boot.lab import Guest, Lab
from tests.boot.registry import scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import IGNITION, keys
from tests.boot.world import Host, World

MAC = "52:54:00:12:34:56"
ADDRESS = "192.0.2.17/24"
_NETWORK_CONFIG = f"""\
version: 2
ethernets:
  first:
    match: {{macaddress: "{MAC}"}}
    set-name: lan0
    addresses: ["{ADDRESS}"]
"""
#: A service of the network's own early time, and what it reads.
_UNIT = {
    "name": "first.service",
    "enabled": True,
    "contents": "[Unit]\nDefaultDependencies=no\nAfter=local-fs.target\n"
    "Before=network-pre.target\nWants=network-pre.target\n"
    "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
    "ExecStart=/bin/cp /opt/app/public /run/first-ran\n"
    "[Install]\nWantedBy=sysinit.target\n",
}


@scenario()
def network(lab: Lab) -> None:
    """network-config is the first to configure; Ignition's unit and file stand before that."""
    config = json.dumps({**IGNITION, "systemd": {"units": [_UNIT]}})
    sent = keys({"ignition.config": config, "cloud-init.network-config": _NETWORK_CONFIG})
    guest = lab.boot(lab.disk(), World(requests=Host().requests(sent)), network="restrict=on")
    checks.assert_clean(guest)
    shown = guest.run("ip", "-brief", "address")
    assert re.search(rf"^lan0\s+UP\s+{ADDRESS}", shown, re.M), f"addresses:\n{shown}"
    others = [line for line in shown.splitlines() if not line.startswith(("lo ", "lan0 "))]
    assert not others, f"somebody else configured a network: {others}"
    journal = guest.run("journalctl", "--boot", "--no-pager", "--output=short-monotonic")
    assert "DHCPv4 address" not in journal, "DHCP was asked first"
    assert guest.read("/run/first-ran") == "for all"
    assert _since_boot(guest, "first.service") < _since_boot(guest, "network.target")
    assert guest.run("id", "-u", "core").strip()
    checks.assert_says(guest, "ignition.config", "network-config", provisioned=True)


def _since_boot(guest: Guest, unit: str) -> int:
    """Give the microseconds from the boot until a unit was active."""
    properties = guest.run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", unit)
    moment = int(properties.strip().partition("=")[2])
    assert moment, f"{unit} was never active"
    return moment
