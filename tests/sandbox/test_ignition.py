"""Ignition configs, alone and beside user-data."""

from __future__ import annotations

import json

from tests.sandbox.hyperv import HyperVGuest
from tests.sandbox.payloads import (
    IGNITION,
    META_DATA,
    USER_CONFIG,
    USER_DATA,
    account_exists,
    assert_clean,
    assert_ignition_applied,
    assert_reachable,
    assert_user_data_applied,
    ignition,
    stat,
)


def test_a_config_alone_is_applied_before_the_network_is_up(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition()})
    guest.boot(stages=["local"])
    assert_ignition_applied(guest)


def test_a_config_alone_is_all_that_the_machine_becomes(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition()})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest)
    # Ignition makes no default user
    assert not account_exists(guest, "debian")


def test_a_config_waits_for_the_network_if_meta_data_says_so(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition(), META_DATA: "dsmode: net"})
    guest.boot(stages=["local"])
    assert not guest.exists("/srv/app")
    guest.boot(stages=["network", "config", "final"])
    assert_clean(guest)
    assert_ignition_applied(guest)


def test_config_and_user_data_add_up(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition(), USER_DATA: USER_CONFIG})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest)
    assert_user_data_applied(guest)


def test_where_both_say_something_the_user_wins(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition(), USER_DATA: "#cloud-config\nhostname: users-own\n"})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest, hostname="users-own")


def test_a_config_in_one_key_as_ignition_itself_reads_it(guest: HyperVGuest) -> None:
    small = '{"ignition":{"version":"3.0.0"},"passwd":{"groups":[{"name":"one","gid":2001}]}}'
    guest.receive_keys({"ignition.config": small})
    guest.boot()
    assert_clean(guest)
    assert guest.run(["getent", "group", "one"]).out.startswith("one:x:2001:")


def test_a_config_in_forty_keys_as_other_host_tools_send_it(guest: HyperVGuest) -> None:
    text = ignition()
    size = -(-len(text) // 40)
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert len(chunks) == 40
    guest.receive_keys({f"ignition.config.{n}": chunk for n, chunk in enumerate(chunks)})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest)


def test_a_large_config_compressed(guest: HyperVGuest) -> None:
    files = [
        {"path": f"/srv/many/{n}", "contents": {"source": f"data:,{n}"}, "mode": 0o600}
        for n in range(200)
    ]
    config = ignition(storage={"files": files})
    guest.receive({IGNITION: config}, encoding={IGNITION: "gzip+base64"})
    guest.boot()
    assert_clean(guest)
    assert guest.read("/srv/many/199") == "199"
    assert stat(guest, "/srv/many/199") == "600 root root"


def test_homes_on_a_file_system_that_early_boot_has_not_mounted_yet(guest: HyperVGuest) -> None:
    guest.run(["sh", "-euc", "useradd --create-home olga; mv /home /disk; mkdir /home"])
    guest.write("/etc/fstab", "/disk /home none bind 0 0\n")
    user = {"name": "olga", "sshAuthorizedKeys": ["ssh-ed25519 AAAA"]}
    config = {"ignition": {"version": "3.0.0"}, "passwd": {"users": [user]}}
    guest.receive({IGNITION: json.dumps(config)})
    guest.boot()
    assert_clean(guest)
    assert guest.read("/disk/olga/.ssh/authorized_keys") == "ssh-ed25519 AAAA\n"


def test_somebody_can_log_in_though_a_config_alone_fails_when_it_is_applied(
    guest: HyperVGuest,
) -> None:
    program = "/usr/sbin/groupadd"
    guest.run(["mv", program, f"{program}.real"])
    broken = 'case "$*" in *staffers*) echo no more groups >&2; exit 9;; esac'
    guest.write(program, f'#!/bin/sh\n{broken}\nexec {program}.real "$@"\n', mode=0o755)
    guest.receive({IGNITION: ignition()})
    guest.boot()
    assert_reachable(guest)
    assert guest.run(["sudo", "-l", "-U", "debian"]).out.rstrip().endswith("NOPASSWD: ALL")
    assert not guest.status().clean
    assert "no more groups" in guest.read("/var/log/cloud-init-output.log")
    diagnosis = guest.run(["hyperv-kvp", "diagnose"]).out
    assert "is applied only in part: $.passwd.groups" in " ".join(diagnosis.split()), diagnosis
    # nothing of that is a mark of the machine: the next boot applies the config
    guest.run(["mv", f"{program}.real", program])
    guest.power_cycle()
    guest.receive({IGNITION: ignition()})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest)
