"""Ignition's units, and what a boot has read before the config came, in a running systemd."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from tests.boot.lab import Guest, Lab
from tests.boot.registry import scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.network import (
    NEEDED_FILE,
    NEEDING_UNIT,
    NETWORK_CONFIG,
    NETWORKD,
    assert_network,
)
from tests.boot.scenarios.payloads import keys
from tests.boot.world import Host, World

MULTI_USER = "[Install]\nWantedBy=multi-user.target\n"


def service(name: str, unit: str = "", install: str = MULTI_USER) -> str:
    """A unit that writes its name into a file, so that its turn is seen."""
    return (
        f"[Unit]\n{unit}[Service]\nType=oneshot\nRemainAfterExit=yes\n"
        f"ExecStart=/bin/sh -c 'echo {name} >> /run/order'\n{install}"
    )


def enabled(name: str, contents: str | None = None) -> dict[str, Any]:
    unit = {"name": name, "enabled": True}
    return unit if contents is None else {**unit, "contents": contents}


def file(path: str, text: str, mode: int = 0o644, *, append: bool = False) -> dict[str, Any]:
    source = {"source": f"data:,{quote(text)}"}
    return {
        "path": path,
        "mode": mode,
        **({"append": [source]} if append else {"contents": source}),
    }


GENERATOR = f"""#!/bin/sh
cat > "$1/generated.service" <<'EOF'
{service("generated", install="")}EOF
mkdir -p "$1/multi-user.target.wants"
ln -s ../generated.service "$1/multi-user.target.wants/"
"""

SSH_DROPIN = "[Service]\nExecStartPre=/bin/sh -c 'echo ran >> /run/ssh-dropin'\n"
EARLY = "DefaultDependencies=no\nBefore=sysinit.target\n"

CONFIG: dict[str, Any] = {
    "ignition": {"version": "3.4.0"},
    "storage": {
        "files": [
            file(NEEDED_FILE, "there before the network"),
            file("/etc/sysctl.d/90-lab.conf", "vm.swappiness = 17\n"),
            file("/etc/modules-load.d/lab.conf", "dummy\n"),
            file("/etc/tmpfiles.d/lab.conf", "d /var/lib/lab-made 0751 lab-user root\n"),
            file("/etc/sysusers.d/lab.conf", "u lab-user 777 Lab\n"),
            file("/etc/udev/rules.d/90-lab.rules", 'KERNEL=="zero", SYMLINK+="lab-zero"\n'),
            file("/etc/fstab", "lab /srv/lab tmpfs mode=711 0 0\n", append=True),
            file("/etc/systemd/system-generators/lab-generator", GENERATOR, 0o755),
            file("/etc/systemd/journald.conf.d/lab.conf", "[Journal]\nMaxLevelStore=debug\n"),
        ],
    },
    "systemd": {
        "units": [
            NEEDING_UNIT,
            enabled("second.service", service("second", "After=first.service\n")),
            enabled("first.service", service("first")),
            enabled(
                "early.service", service("early", EARLY, "[Install]\nWantedBy=sysinit.target\n")
            ),
            {"name": "each@.service", "contents": service("each-%i", "After=second.service\n")},
            enabled("each@one.service"),
            enabled("each@two.service"),
            enabled("tick.timer", "[Timer]\nOnBootSec=1h\n[Install]\nWantedBy=timers.target\n"),
            {"name": "tick.service", "contents": service("tick", install="")},
            enabled(
                "talk.socket",
                "[Socket]\nListenStream=/run/talk\nAccept=yes\n"
                "[Install]\nWantedBy=sockets.target\n",
            ),
            {"name": "talk@.service", "contents": service("talk", install="")},
            {"name": "never.service", "contents": service("never")},
            {"name": "remote-fs.target", "enabled": False},
            {"name": "image.service", "mask": True},
            {
                "name": "ssh.service",
                "dropins": [{"name": "lab.conf", "contents": SSH_DROPIN}],
            },
        ]
    },
}

#: A unit of the image that this boot has queued before the config comes.
IMAGE = {
    "/usr/lib/systemd/system/image.service": service("image", install=""),
    "/usr/lib/systemd/system/multi-user.target.d/image.conf": "[Unit]\nWants=image.service\n",
}


def world(config: dict[str, Any], **documents: str) -> World:
    sent = {"ignition.config": json.dumps(config)}
    sent.update({f"cloud-init.{name}".replace("_", "-"): text for name, text in documents.items()})
    return World(Host().requests(keys(sent)))


def is_active(guest: Guest, unit: str) -> bool:
    return guest.sh(f"systemctl is-active {unit}", check=False).strip() == "active"


@scenario()
def units_and_network(lab: Lab) -> None:
    """Units in their order, one before the network, which is ours; what was read is read again."""
    sent = world(CONFIG, network_config=NETWORK_CONFIG)
    guest = lab.boot(lab.disk(files={**IMAGE, **NETWORKD}), sent, network="restrict=on")
    checks.assert_clean(guest)
    assert_network(guest, "there before the network")
    order = guest.read("/run/order").split()
    assert order[0] == "early", order
    assert order.index("first") < order.index("second") < order.index("each-one"), order
    everything = ["each-one", "each-two", "early", "first", "generated", "second"]
    assert sorted(order) == everything, order
    for unit in ("tick.timer", "talk.socket", "srv-lab.mount", "each@two.service"):
        assert is_active(guest, unit), unit
    assert not is_active(guest, "never.service")
    assert not is_active(guest, "image.service")
    assert guest.sh("systemctl is-enabled remote-fs.target", check=False).strip() == "disabled"
    assert guest.read("/run/ssh-dropin").split() == ["ran"]
    assert guest.read("/proc/sys/vm/swappiness").strip() == "17"
    assert "dummy" in guest.read("/proc/modules")
    assert guest.sh("stat -c '%a %U' /var/lib/lab-made /srv/lab").split() == [
        *("751", "lab-user", "711", "root")
    ]
    assert guest.sh("readlink /dev/lab-zero").strip() == "zero"
    assert guest.sh("systemctl list-jobs --no-legend").strip() == ""
    order_of_first = guest.sh("systemctl show -P ActiveEnterTimestampMonotonic first early")
    early_target = guest.sh("systemctl show -P ActiveEnterTimestampMonotonic sysinit.target")
    assert int(order_of_first.split()[1]) <= int(early_target), "early.service came late"
    checks.assert_says(guest, "ignition.config", "network-config", provisioned=True)
