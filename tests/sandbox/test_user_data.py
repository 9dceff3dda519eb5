"""Documents for cloud-init itself, as the host sends them."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.hyperv import HyperVGuest
from tests.sandbox.payloads import (
    KEY,
    META_DATA,
    NETWORK_CONFIG,
    USER_CONFIG,
    USER_DATA,
    VENDOR_DATA,
    assert_clean,
    assert_reachable,
    assert_user_data_applied,
)

META = {"instance-id": "web-1-a", "local-hostname": "ford", "public-keys": [KEY]}

NETWORK_V1 = """\
version: 1
config:
- type: physical
  name: eth0
  subnets: [{type: static, address: 192.0.2.10/24}]
"""
NETWORK_V2 = """\
network:
  version: 2
  ethernets:
    eth0: {addresses: [192.0.2.10/24]}
"""


@pytest.mark.parametrize("encoding", [None, "base64", "gzip+base64"])
def test_user_data_is_applied_whatever_its_encoding(
    guest: HyperVGuest, encoding: str | None
) -> None:
    guest.receive({USER_DATA: USER_CONFIG}, encoding=encoding)
    guest.boot()
    assert_clean(guest)
    assert_user_data_applied(guest)
    assert_reachable(guest)


def test_a_key_set_by_hand_needs_no_manifest(guest: HyperVGuest) -> None:
    guest.receive_keys({USER_DATA: USER_CONFIG})
    guest.boot()
    assert_clean(guest)
    assert_user_data_applied(guest)


def test_a_script_is_user_data_too(guest: HyperVGuest) -> None:
    guest.receive({USER_DATA: "#!/bin/sh\necho ran >/root/ran\n"})
    guest.boot()
    assert_clean(guest)
    assert guest.read("/root/ran") == "ran\n"


def test_text_of_any_language_arrives_unharmed(guest: HyperVGuest) -> None:
    text = "Füße, 雲, 🌩"
    guest.receive({USER_DATA: f'#cloud-config\nwrite_files: [{{path: /etc/x, content: "{text}"}}]'})
    guest.boot()
    assert guest.read("/etc/x") == text


@pytest.mark.parametrize("write", [json.dumps, lambda data: "\n".join(_yaml(data))])
def test_meta_data_names_the_machine_and_gives_its_default_user_keys(
    guest: HyperVGuest, write: object
) -> None:
    assert callable(write)
    guest.receive({META_DATA: write(META)})
    guest.boot()
    assert_clean(guest)
    assert guest.run(["hostname"]).out == "ford\n"
    assert guest.query("instance_id") == "web-1-a"
    assert KEY in guest.read("/home/debian/.ssh/authorized_keys")


def _yaml(data: dict[str, object]) -> list[str]:
    return [f"{key}: {json.dumps(value)}" for key, value in data.items()]


def test_host_facts_name_a_machine_by_a_template(guest: HyperVGuest) -> None:
    guest.receive(
        {
            USER_DATA: "## template: jinja\n#cloud-config\n"
            "hostname: {{ ds.meta_data.hyperv.virtual_machine_name }}\n"
        }
    )
    guest.boot()
    assert_clean(guest)
    assert guest.run(["hostname"]).out == "web-1\n"


def test_vendor_data_is_applied_and_user_data_wins_over_it(guest: HyperVGuest) -> None:
    guest.receive(
        {
            VENDOR_DATA: "#cloud-config\nhostname: vendor\nruncmd: [touch /root/vendor]\n",
            USER_DATA: "#cloud-config\nhostname: user\n",
        }
    )
    guest.boot()
    assert_clean(guest)
    assert guest.exists("/root/vendor")
    assert guest.run(["hostname"]).out == "user\n"


@pytest.mark.parametrize("document", [NETWORK_V1, NETWORK_V2], ids=["v1", "v2"])
def test_the_network_is_configured_before_it_comes_up(guest: HyperVGuest, document: str) -> None:
    guest.receive({NETWORK_CONFIG: document, USER_DATA: USER_CONFIG})
    guest.boot(stages=["local"])
    rendered = guest.read("/etc/netplan/50-cloud-init.yaml")
    assert "192.0.2.10/24" in rendered
    assert "dhcp4: true" not in rendered


def test_dsmode_local_runs_the_modules_before_the_network_is_up(guest: HyperVGuest) -> None:
    guest.receive({META_DATA: "dsmode: local", USER_DATA: USER_CONFIG})
    guest.boot(stages=["local"])
    assert guest.exists("/etc/motd.d/user")


def test_without_dsmode_user_data_waits_for_the_network(guest: HyperVGuest) -> None:
    guest.receive({USER_DATA: USER_CONFIG})
    guest.boot(stages=["local"])
    assert not guest.exists("/etc/motd.d/user")
