"""Documents that scenarios send, and what a guest looks like that has applied them."""

from __future__ import annotations

import json
from typing import Any

from tests.sandbox.sandbox import Sandbox

IGNITION = "ignition.config"
USER_DATA = "cloud-init.user-data"
META_DATA = "cloud-init.meta-data"
VENDOR_DATA = "cloud-init.vendor-data"
NETWORK_CONFIG = "cloud-init.network-config"

#: An SSH key as it looks, of no use to anybody.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8tYbYwTLOu4Y7E2mNTk6SXOCHfMEoVZnsMV2tPbHUq me@example"
#: Of the password "winter", SHA-512.
HASH = (
    "$6$rounds=5000$saltsalt$Vn5m1WyNGdIq0n6aE5MSQfZzkyd2u4rVYoGGtvYRDN5H4cFm7VcRqUBDp3OTwTMf3b"
    "5m7Qh4iDzl8Jv1fFzEf0"
)

USER_CONFIG = f"""\
#cloud-config
write_files:
- path: /etc/motd.d/user
  content: written by user-data
runcmd:
- echo final >/var/log/runcmd
users:
- default
- name: ada
  shell: /bin/bash
  ssh_authorized_keys: ["{KEY}"]
"""


def ignition_config(**more: Any) -> dict[str, Any]:
    """An Ignition config with something of everything that every machine has."""
    unit = (
        "[Unit]\nDescription=Say hello\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    config: dict[str, Any] = {
        "ignition": {"version": "3.4.0"},
        "passwd": {
            "groups": [{"name": "staffers", "gid": 2345}],
            "users": [
                {
                    "name": "grace",
                    "uid": 3456,
                    "gecos": "Grace Hopper",
                    "groups": ["staffers", "sudo"],
                    "shell": "/bin/bash",
                    "passwordHash": HASH,
                    "sshAuthorizedKeys": [KEY],
                }
            ],
        },
        "storage": {
            "directories": [{"path": "/srv/app", "mode": 0o750, "user": {"name": "grace"}}],
            "files": [
                {
                    "path": "/srv/app/settings.ini",
                    "mode": 0o640,
                    "user": {"name": "grace"},
                    "group": {"name": "staffers"},
                    "contents": {"source": "data:,colour%3Dblue%0A"},
                },
                {
                    "path": "/etc/hostname",
                    "mode": 0o644,
                    "overwrite": True,
                    "contents": {"source": "data:,cobol"},
                },
            ],
            "links": [{"path": "/etc/app", "target": "/srv/app"}],
        },
        "systemd": {
            "units": [
                {"name": "hello.service", "enabled": True, "contents": unit},
                {"name": "apt-daily.timer", "mask": True},
            ]
        },
    }
    config.update(more)
    return config


def ignition(**more: Any) -> str:
    """The same, as the host sends it."""
    return json.dumps(ignition_config(**more))


def assert_ignition_applied(guest: Sandbox, *, hostname: str = "cobol") -> None:
    """Check everything that :func:`ignition_config` asks for."""
    assert guest.read("/srv/app/settings.ini") == "colour=blue\n"
    assert stat(guest, "/srv/app/settings.ini") == "640 grace staffers"
    assert stat(guest, "/srv/app") == "750 grace root"
    assert guest.run(["readlink", "/etc/app"]).out == "/srv/app\n"
    account = guest.run(["getent", "passwd", "grace"]).out.strip().split(":")
    assert account[2] == "3456"
    assert account[4:] == ["Grace Hopper", "/home/grace", "/bin/bash"]
    assert set(guest.run(["id", "-nG", "grace"]).out.split()) == {"grace", "staffers", "sudo"}
    assert guest.run(["getent", "group", "staffers"]).out.startswith("staffers:x:2345:")
    assert guest.run(["getent", "shadow", "grace"]).out.split(":")[1] == HASH
    assert KEY in guest.read("/home/grace/.ssh/authorized_keys")
    assert guest.run(["systemctl", "is-enabled", "hello.service"]).out == "enabled\n"
    masked = guest.run(["systemctl", "is-enabled", "apt-daily.timer"], check=False)
    assert masked.out == "masked\n"
    assert guest.read("/etc/hostname").strip() == hostname
    assert guest.run(["hostname"]).out.strip() == hostname


def assert_user_data_applied(guest: Sandbox) -> None:
    """Check everything that :data:`USER_CONFIG` asks for."""
    assert guest.read("/etc/motd.d/user") == "written by user-data"
    assert guest.read("/var/log/runcmd") == "final\n"
    assert KEY in guest.read("/home/ada/.ssh/authorized_keys")
    assert account_exists(guest, "debian")


def assert_clean(guest: Sandbox) -> None:
    """Check that cloud-init found nothing to complain of."""
    status = guest.status()
    console = guest.read("/var/log/cloud-init-output.log")
    assert status.clean, status.text + guest.complaints() + console


def assert_reachable(guest: Sandbox) -> None:
    """Check that somebody can log in and that cloud-init came to its end."""
    assert account_exists(guest, "debian")
    assert guest.exists("/etc/ssh/ssh_host_ed25519_key.pub")
    assert guest.exists("/var/lib/cloud/instance/boot-finished")


def account_exists(guest: Sandbox, name: str) -> bool:
    """Tell whether the guest has an account of this name."""
    return guest.run(["getent", "passwd", name], check=False).code == 0


def stat(guest: Sandbox, path: str) -> str:
    """Return mode, owner and group of a node, as in ``640 root root``."""
    return guest.run(["stat", "--format=%a %U %G", path]).out.strip()
