"""Which datasource a machine gets, what it says of itself, and who may read what came."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.conftest import MakeGuest
from tests.sandbox.hyperv import HyperVGuest
from tests.sandbox.payloads import (
    IGNITION,
    META_DATA,
    USER_CONFIG,
    USER_DATA,
    assert_clean,
    assert_reachable,
    ignition,
)
from tests.sandbox.platforms import AZURE, OTHER, Machine
from tests.sandbox.sandbox import Sandbox

SECRET = "correct-horse-battery-staple"


def plant_seed(guest: Sandbox) -> None:
    """Give the guest a NoCloud seed."""
    guest.write("/var/lib/cloud/seed/nocloud/meta-data", "instance-id: seed\n")
    guest.write("/var/lib/cloud/seed/nocloud/user-data", "#cloud-config\nhostname: seedling\n")


def test_without_keys_the_next_datasource_has_its_turn(make_guest: MakeGuest) -> None:
    guest = make_guest(datasources=["HyperVKVP", "NoCloud", "None"])
    plant_seed(guest)
    guest.receive()
    guest.boot()
    assert_clean(guest)
    assert guest.run(["cloud-id"]).out == "nocloud\n"
    assert guest.run(["hostname"]).out == "seedling\n"


def test_without_keys_and_any_other_datasource_the_machine_comes_up(make_guest: MakeGuest) -> None:
    guest = make_guest(datasources=["HyperVKVP", "None"])
    guest.receive()
    guest.boot()
    assert guest.run(["cloud-id"]).out == "none\n"
    assert_reachable(guest)


def test_a_host_that_has_switched_data_exchange_off_costs_no_wait(make_guest: MakeGuest) -> None:
    guest = make_guest(datasources=["HyperVKVP", "None"], machine=Machine(offers_kvp=False))
    guest.boot()
    assert guest.run(["cloud-id"]).out == "none\n"
    assert "Data Exchange is switched off" in guest.log()


@pytest.mark.parametrize("machine", [AZURE, OTHER], ids=["azure", "not Hyper-V"])
def test_on_other_platforms_keys_are_not_even_looked_at(
    make_guest: MakeGuest, machine: Machine
) -> None:
    guest = make_guest(datasources=["HyperVKVP", "NoCloud", "None"], machine=machine)
    plant_seed(guest)
    guest.receive({USER_DATA: USER_CONFIG})
    guest.boot()
    assert_clean(guest)
    assert guest.run(["cloud-id"]).out == "nocloud\n"
    assert not guest.exists("/etc/motd.d/user")


def test_dsmode_disabled_leaves_the_machine_to_others(make_guest: MakeGuest) -> None:
    guest = make_guest(datasources=["HyperVKVP", "NoCloud", "None"])
    plant_seed(guest)
    guest.receive({META_DATA: "dsmode: disabled", USER_DATA: USER_CONFIG})
    guest.boot()
    assert guest.run(["cloud-id"]).out == "nocloud\n"


def test_it_tells_where_its_data_came_from(guest: HyperVGuest) -> None:
    guest.receive({META_DATA: "local-hostname: ford", USER_DATA: USER_CONFIG})
    guest.boot()
    assert guest.run(["cloud-id"]).out == "hypervkvp\n"
    assert guest.query("v1.subplatform") == "pool files (/var/lib/hyperv)"
    assert guest.query("v1.local_hostname") == "ford"
    assert guest.query("v1.instance_id") == guest.machine.product_uuid
    assert "written by user-data" in guest.query("userdata")
    data = json.loads(guest.query("ds"))
    assert data["meta_data"]["hyperv"]["virtual_machine_name"] == "web-1"
    assert data["hyperv_kvp"]["documents"][USER_DATA]["chunks"] == 1


def test_nobody_but_root_reads_the_payload(guest: HyperVGuest) -> None:
    files = [{"path": "/root/s", "mode": 384, "contents": {"source": f"data:,{SECRET}"}}]
    guest.receive(
        {
            IGNITION: ignition(storage={"files": files}),
            USER_DATA: f"#cloud-config\nchpasswd: {{expire: false}}\n# {SECRET}\n",
            META_DATA: json.dumps(
                {
                    "local-hostname": "ford",
                    "token": SECRET,
                    "site": {"keys": [{"api": SECRET}], "name": "here"},
                }
            ),
        }
    )
    guest.boot()
    assert SECRET in guest.query("userdata")
    assert SECRET not in guest.cloud_init("query", "--all", user="nobody").out
    assert guest.query("v1.local_hostname", user="nobody") == "ford"
    assert guest.query("userdata", user="nobody").startswith("<redacted")
    search = guest.run(
        ["grep", "-rlsF", SECRET, "/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var"],
        user="nobody",
        check=False,
    )
    assert search.out == ""
    # and the log, which is everybody's on some versions, has nothing of it even for root
    assert SECRET not in guest.log()
    assert SECRET not in guest.read("/var/log/cloud-init-output.log")
