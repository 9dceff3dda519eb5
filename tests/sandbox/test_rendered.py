"""What ``hyperv-kvp render`` prints, as the user-data of a guest that has nothing of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from datasource_hyperv_kvp.cloudconfig import render, to_yaml
from datasource_hyperv_kvp.ignition import parse
from tests.sandbox.sandbox import Sandbox

HOST_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nnot one\n"


@pytest.fixture
def machine(release: str) -> Iterator[Sandbox]:
    """A guest on a cloud that hands over user-data by itself."""
    with Sandbox(release, interfaces=()) as guest:
        guest.write("/etc/cloud/cloud.cfg.d/99_list.cfg", "datasource_list: [NoCloud, None]\n")
        yield guest


def provision(guest: Sandbox, document: dict[str, Any], *, more: str = "") -> None:
    """Boot the guest for the first time with this config, and user-data of the user's behind it."""
    config = parse(json.dumps({"ignition": {"version": "3.6.0"}, **document})).config
    assert config is not None
    seed = "/var/lib/cloud/seed/nocloud"
    guest.write(f"{seed}/meta-data", "instance-id: i-1\nlocal-hostname: from-the-cloud\n")
    guest.write(f"{seed}/user-data", to_yaml(render(config)) + more)
    guest.boot()


def url(text: str) -> dict[str, str]:
    return {"source": "data:," + "".join(f"%{byte:02x}" for byte in text.encode())}


def test_the_machine_becomes_what_the_config_says(machine: Sandbox) -> None:
    hosts = "127.0.0.1 localhost\n10.0.0.1 own\n"
    provision(
        machine,
        {
            "passwd": {
                "groups": [{"name": "db", "gid": 4000}],
                "users": [
                    {"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 AAAA core"]},
                    {"name": "app", "uid": 4100, "groups": ["db"], "passwordHash": "$6$x$y"},
                    {"name": "root", "sshAuthorizedKeys": ["ssh-ed25519 AAAA root"]},
                ],
            },
            "storage": {
                "files": [
                    {"path": "/etc/hostname", "contents": url("cobol\n"), "mode": 420},
                    {"path": "/etc/hosts", "contents": url(hosts), "overwrite": True},
                    {"path": "/etc/default/locale", "contents": url("LANG=C\n"), "overwrite": True},
                    {
                        "path": "/etc/ssh/ssh_host_ed25519_key",
                        "contents": url(HOST_KEY),
                        "mode": 384,
                    },
                    {"path": "/opt/f", "contents": url("é\n"), "user": {"name": "app"}},
                ],
                "directories": [{"path": "/opt/d", "mode": 1472, "group": {"name": "db"}}],
                "links": [{"path": "/opt/l", "target": "/opt/f"}],
            },
            "systemd": {
                "units": [
                    {
                        "name": "own.service",
                        "enabled": True,
                        "contents": "[Service]\nExecStart=/bin/true\n"
                        "[Install]\nWantedBy=multi-user.target\n",
                    },
                    {"name": "cron.service", "mask": True},
                ]
            },
        },
    )
    assert machine.status().code == 0, machine.read("/var/log/cloud-init-output.log")
    assert machine.run(["id", "-Gn", "app"]).out == "app db\n"
    assert machine.run(["hostname"]).out == "cobol\n"
    assert machine.read("/etc/hostname") == "cobol\n"
    assert machine.read("/etc/hosts") == hosts
    assert machine.read("/etc/default/locale") == "LANG=C\n"
    assert machine.read("/etc/ssh/ssh_host_ed25519_key") == HOST_KEY
    assert machine.read("/root/.ssh/authorized_keys").strip() == "ssh-ed25519 AAAA root"
    assert machine.read("/home/core/.ssh/authorized_keys") == "ssh-ed25519 AAAA core\n"
    assert machine.run(["stat", "-c", "%a %U", "/opt/f", "/opt/d"]).out == "644 app\n2700 root\n"
    assert machine.read("/opt/l") == "é\n"
    assert machine.exists("/etc/systemd/system/multi-user.target.wants/own.service")
    assert machine.run(["readlink", "/etc/systemd/system/cron.service"]).out == "/dev/null\n"
    # Ignition makes no default user.
    assert machine.run(["id", "debian"], check=False).code != 0
    # Nothing of the plan and of the program stays but the journal.
    assert machine.run(["sh", "-c", "ls -d /run/ignition-apply*"], check=False).out == ""


def test_a_later_boot_changes_nothing(machine: Sandbox) -> None:
    provision(machine, {"storage": {"files": [{"path": "/opt/f", "contents": url("x")}]}})
    machine.run(["sh", "-c", "echo changed > /opt/f"])
    machine.power_cycle()
    machine.boot()
    assert machine.status().code == 0, machine.read("/var/log/cloud-init-output.log")
    assert machine.read("/opt/f") == "changed\n"


def test_what_cannot_be_is_an_error_of_the_boot_and_changes_nothing(machine: Sandbox) -> None:
    machine.write("/opt/there", "image's own\n")
    document = {
        "storage": {
            "files": [
                {"path": "/opt/first", "contents": url("x")},
                {"path": "/opt/there", "contents": url("x")},
            ]
        }
    }
    provision(machine, document, more="\nruncmd: [touch /opt/after]\n")
    status = machine.status()
    assert status.data["status"] == "error"
    assert "bootcmd" in status.text
    log = machine.read("/var/log/cloud-init-output.log")
    assert "$.storage.files.1: /opt/there exists; set overwrite to replace it" in log
    assert machine.read("/opt/there") == "image's own\n"
    assert not machine.exists("/opt/first")
    # The machine comes up all the same.
    assert machine.exists("/opt/after")
