"""Ignition configs as people have them: one that uses every field, and Fedora CoreOS's style."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shlex
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.boot.lab import Guest, Lab
from tests.boot.registry import scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.daemon import assert_daemon_undisturbed
from tests.boot.scenarios.network import NETWORKD
from tests.boot.scenarios.payloads import PASSWORD_HASH, SSH_KEY, keys
from tests.boot.scenarios.timing import troubled
from tests.boot.world import World

#: A server on the guest's network that QEMU plays: a program for each connection.
SERVER = "192.0.2.80"
FETCHED = "fetched from the network\n"
_SERVE = """\
import sys
header = b""
while not header.endswith(b"\\r\\n\\r\\n"):
    header += sys.stdin.buffer.read(1)
body = open(sys.argv[1], "rb").read() if b"\\r\\nX-Lab: yes\\r\\n" in header else b"no header"
sys.stdout.buffer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
sys.stdout.buffer.flush()
"""


def _data(text: str) -> str:
    return "data:," + quote(text)


def _gzipped(text: str) -> str:
    packed = gzip.compress(text.encode(), mtime=0)
    return "data:;base64," + base64.b64encode(packed).decode()


def _hash(text: str, algorithm: str = "sha512") -> dict[str, str]:
    return {"hash": f"{algorithm}-{hashlib.new(algorithm, text.encode()).hexdigest()}"}


def _unit(command: str) -> str:
    return (
        f"[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart={command}\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )


_MERGED = {
    "ignition": {"version": "3.0.0"},
    "storage": {"files": [{"path": "/opt/merged", "contents": {"source": _data("merged")}}]},
}

#: Every field of 3.6.0 that is not about disks.
EVERY_FIELD: dict[str, Any] = {
    "ignition": {
        "version": "3.6.0",
        "config": {
            "merge": [
                {
                    "source": _gzipped(json.dumps(_MERGED)),
                    "compression": "gzip",
                    "verification": _hash(json.dumps(_MERGED), "sha256"),
                }
            ]
        },
        "timeouts": {"httpResponseHeaders": 20, "httpTotal": 120},
        "proxy": {"httpProxy": "http://192.0.2.99:3128", "noProxy": [SERVER]},
    },
    "kernelArguments": {"shouldExist": ["console=ttyS0"], "shouldNotExist": ["not-there=1"]},
    "passwd": {
        "groups": [
            {"name": "operators", "gid": 4242, "passwordHash": "!"},
            {"name": "machines", "system": True},
            {"name": "src", "shouldExist": False},
        ],
        "users": [
            {"name": "irc", "shouldExist": False},
            {
                "name": "ada",
                "uid": 4243,
                "gecos": "Ada L",
                "homeDir": "/srv/ada",
                "primaryGroup": "operators",
                "groups": ["machines"],
                "shell": "/bin/sh",
                "passwordHash": PASSWORD_HASH,
                "sshAuthorizedKeys": [SSH_KEY],
                "noUserGroup": True,
            },
            {"name": "robot", "system": True, "noCreateHome": True, "noLogInit": True},
        ],
    },
    "storage": {
        "directories": [
            {
                "path": "/opt/app",
                "mode": 0o2750,
                "user": {"id": 4243},
                "group": {"name": "operators"},
            }
        ],
        "files": [
            {
                "path": "/opt/app/fetched",
                "mode": 0o640,
                "contents": {
                    "source": f"http://{SERVER}/fetched",
                    "httpHeaders": [{"name": "X-Lab", "value": "yes"}],
                    "verification": _hash(FETCHED),
                },
            },
            {
                "path": "/opt/app/packed",
                "user": {"name": "ada"},
                "contents": {"source": _gzipped("packed"), "compression": "gzip"},
            },
            {"path": "/etc/hostname", "overwrite": True, "contents": {"source": _data("every\n")}},
            {
                "path": "/etc/issue",
                "append": [{"source": _data("one more line\n")}],
            },
            {
                "path": "/usr/local/bin/special",
                "mode": 0o4755,
                "contents": {"source": _data("#!/bin/sh\n")},
            },
        ],
        "links": [
            {"path": "/opt/app/soft", "target": "packed", "overwrite": True},
            {"path": "/opt/app/hard", "target": "/opt/app/packed", "hard": True},
        ],
    },
    "systemd": {
        "units": [
            {
                "name": "every.service",
                "enabled": True,
                "contents": _unit("/bin/cp /opt/app/fetched /run/every-ran"),
                "dropins": [{"name": "10-more.conf", "contents": "[Service]\nEnvironment=A=1\n"}],
            },
            {"name": "each@.service", "contents": _unit("/bin/touch /run/each-%i")},
            {"name": "each@one.service", "enabled": True},
            {"name": "apt-daily.timer", "mask": True},
        ]
    },
}

#: What Butane makes for Fedora CoreOS: `core`, a container unit file, a unit, a drop-in.
COREOS_STYLE: dict[str, Any] = {
    "ignition": {"version": "3.4.0"},
    "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": [SSH_KEY]}]},
    "storage": {
        "files": [
            {
                "path": "/etc/containers/systemd/web.container",
                "mode": 0o644,
                "contents": {
                    "source": _data(
                        "[Container]\nImage=quay.io/fedora/httpd-24\nPublishPort=80:8080\n"
                        "[Install]\nWantedBy=multi-user.target\n"
                    )
                },
            },
            {"path": "/etc/hostname", "mode": 0o644, "contents": {"source": _data("coreos-style")}},
        ]
    },
    "systemd": {
        "units": [
            {
                "name": "serial-getty@ttyS1.service",
                "dropins": [{"name": "autologin.conf", "contents": "[Service]\n"}],
            },
            {"name": "hello.service", "enabled": True, "contents": _unit("/bin/touch /run/hello")},
        ]
    },
}


def _server(directory: Path) -> str:
    """Give the option of QEMU by which the guest reaches :data:`SERVER` and nothing else."""
    program, body = directory / "serve.py", directory / "fetched"
    program.write_text(_SERVE)
    body.write_text(FETCHED)
    command = shlex.join([sys.executable, str(program), str(body)])
    return f"net=192.0.2.0/24,restrict=on,guestfwd=tcp:{SERVER}:80-cmd:{command}"


def _stat(guest: Guest, *paths: str) -> list[str]:
    return guest.run("stat", "--format=%A %U:%G %n", *paths).splitlines()


@scenario()
def every_field_late_to_device(lab: Lab) -> None:
    """Every field but those of disks, one file fetched; a late device, keys late and backwards."""
    sent = keys({"ignition.config": json.dumps(EVERY_FIELD)})
    world = World(requests=troubled(sent), device_after=6.0)
    guest = lab.boot(lab.disk(files=NETWORKD), world, network=_server(lab.directory))
    checks.assert_clean(guest)
    checks.assert_used(guest, "device (/dev/vmbus/hv_kvp)")
    checks.assert_pools(guest, sent)
    assert guest.run("hostname").strip() == "every"
    assert guest.run("getent", "passwd", "ada").strip() == (
        "ada:x:4243:4242:Ada L:/srv/ada:/bin/sh"
    )
    assert PASSWORD_HASH in guest.run("getent", "shadow", "ada")
    assert guest.run("id", "-nG", "ada").split() == ["operators", "machines"]
    assert not guest.sh("getent passwd irc; getent group src; true").strip()
    assert not guest.exists("/home/robot")
    assert guest.read("/srv/ada/.ssh/authorized_keys").strip() == SSH_KEY
    special = "/usr/local/bin/special"
    # Whose group is not said gets that of a directory with set-group-ID, as with Ignition.
    assert _stat(guest, "/opt/app", "/opt/app/fetched", "/opt/app/packed", special) == [
        "drwxr-s--- ada:operators /opt/app",
        "-rw-r----- root:operators /opt/app/fetched",
        "-rw-r--r-- ada:operators /opt/app/packed",
        f"-rwsr-xr-x root:root {special}",
    ]
    assert guest.read("/opt/app/fetched") == FETCHED
    assert guest.read("/opt/merged") == "merged"
    assert guest.read("/opt/app/soft") == guest.read("/opt/app/hard") == "packed"
    assert guest.read("/etc/issue").endswith("one more line\n")
    assert len(guest.read("/etc/issue").splitlines()) > 1
    assert guest.read("/run/every-ran") == FETCHED
    assert guest.exists("/run/each-one")
    assert "A=1" in guest.run("systemctl", "show", "--property=Environment", "every.service")
    assert guest.run("systemctl", "is-enabled", "apt-daily.timer", check=False).strip() == "masked"
    checks.assert_says(guest, "ignition.config", provisioned=True)


@scenario()
def coreos_style_late_to_daemon(lab: Lab) -> None:
    """As Butane makes it for Fedora CoreOS; through the daemon, late, without a manifest."""
    config = json.dumps(COREOS_STYLE, indent=8)  # long enough for several keys
    sent = keys({"ignition.config": config}, manifest=False)
    world = World(requests=troubled(sent), device_after=3.0)
    guest = lab.boot(lab.disk(daemon=True), world)
    checks.assert_clean(guest)
    checks.assert_used(guest, "pool files (/var/lib/hyperv)")
    checks.assert_pools(guest, sent)
    assert_daemon_undisturbed(guest)
    assert guest.run("hostname").strip() == "coreos-style"
    assert guest.read("/home/core/.ssh/authorized_keys").strip() == SSH_KEY
    assert guest.run("runuser", "-u", "core", "--", "sudo", "-n", "id", "-u").strip() == "0"
    assert guest.run("getent", "passwd", "core").strip().endswith(":/home/core:/bin/bash")
    assert "quay.io/fedora/httpd-24" in guest.read("/etc/containers/systemd/web.container")
    assert guest.exists("/etc/systemd/system/serial-getty@ttyS1.service.d/autologin.conf")
    assert guest.exists("/run/hello")
    assert not guest.sh("getent passwd debian; true").strip()
    checks.assert_says(guest, "ignition.config", provisioned=True)
