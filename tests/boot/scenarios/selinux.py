"""SELinux, enforcing, with the policy that Debian packages."""

from __future__ import annotations

import json

from tests.boot.lab import Lab
from tests.boot.machine import SELINUX
from tests.boot.registry import BOOKWORM, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.daemon import assert_daemon_undisturbed
from tests.boot.scenarios.first_boot_units import enabled, file, service
from tests.boot.scenarios.payloads import IGNITION, keys
from tests.boot.world import Host, World

#: Beyond the usual config: places that have labels of their own.
CONFIG = {
    **IGNITION,
    "storage": {
        **IGNITION["storage"],
        "files": [
            *IGNITION["storage"]["files"],
            file("/etc/hostname", "labelled"),
            file("/etc/ssh/sshd_config.d/lab.conf", "PermitRootLogin no\n"),
            file("/etc/cron.d/lab", "# nothing\n"),
            file("/usr/local/bin/tool", "#!/bin/sh\n", 0o755),
            file("/var/log/lab/log", "x"),
            file("/etc/sudoers.d/lab", "# nothing\n", 0o440),
            file("/home/core/public_html/index.html", "x"),
        ],
    },
    "systemd": {
        "units": [
            enabled("first.service", service("first")),
            {"name": "ssh.service", "dropins": [{"name": "lab.conf", "contents": "[Service]\n"}]},
        ]
    },
}


@scenario((BOOKWORM,))
def selinux(lab: Lab) -> None:
    """SELinux enforces, the daemon is confined: all applied, and labelled as the policy says."""
    disk = lab.disk(daemon=True, selinux=True)
    sent = keys({"ignition.config": json.dumps(CONFIG)})
    guest = lab.boot(disk, World(requests=Host().requests(sent)), arguments=SELINUX)
    assert guest.read("/sys/fs/selinux/enforce") == "1"
    daemon = guest.sh("ps -o label= -C hv_kvp_daemon")
    assert ":hypervkvpd_t:" in daemon, f"the daemon is not confined: {daemon}"
    checks.assert_clean(guest)
    checks.assert_used(guest, "pool files (/var/lib/hyperv)")
    assert_daemon_undisturbed(guest)
    checks.assert_pools(guest, sent)
    assert guest.read("/run/order").split() == ["first"]
    assert guest.run("hostname").strip() == "labelled"
    wrong = guest.sh("restorecon -nvR /etc /home /opt /root /run /srv /usr/local /var 2>&1")
    assert not wrong, wrong
    assert guest.run("runuser", "-u", "core", "--", "sudo", "-n", "id", "-u").strip() == "0"
    checks.assert_says(guest, "ignition.config", provisioned=True)
