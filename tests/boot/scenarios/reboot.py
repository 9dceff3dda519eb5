"""What only another boot brings: a reboot, and never a second one."""

from __future__ import annotations

from typing import Any

from tests.boot import grub
from tests.boot.lab import Lab
from tests.boot.registry import BOOKWORM, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.first_boot_units import enabled, file, service, world

CONFIG: dict[str, Any] = {
    "ignition": {"version": "3.4.0"},
    "kernelArguments": {
        "shouldExist": ["lab.given=1", "lab.two words"],
        "shouldNotExist": ["quiet", "never.there"],
    },
    "storage": {
        "files": [file("/etc/systemd/system.conf.d/lab.conf", "[Manager]\nDefaultTasksMax=1234\n")]
    },
    "systemd": {"units": [enabled("first.service", service("first"))]},
}


@scenario((BOOKWORM,), boots=4)
def one_reboot(lab: Lab) -> None:
    """Kernel arguments, through a real GRUB: one reboot, no more; nothing is lost by it."""
    disk = lab.disk(files=grub.files(lab.release))
    loader = grub.make_loader()
    guest = lab.boot(disk, world(CONFIG), loader=loader)
    assert guest.machine.boots == 2
    checks.assert_clean(guest)
    arguments = f" {guest.read('/proc/cmdline').strip()} "
    assert " lab.given=1 " in arguments, arguments
    assert " lab.two words " in arguments, arguments
    assert " quiet " not in arguments, arguments
    assert guest.sh("systemctl show -P DefaultTasksMax").strip() == "1234"
    assert guest.read("/run/order").split() == ["first"]
    assert guest.sh("ls /etc/ssh/ssh_host_*_key").split()
    checks.assert_says(guest, "earlier boot", provisioned=True)  # the one that it cut short
    guest.shut_down()

    guest = lab.boot(disk, world(CONFIG), loader=loader)
    checks.assert_clean(guest)
    assert guest.machine.boots == 1, "an ordinary boot reboots"
    assert guest.read("/proc/cmdline").strip() == arguments.strip()
    checks.assert_says(guest, "earlier boot", provisioned=True)
