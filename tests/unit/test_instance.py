"""What a payload means for an instance: ids, stages, the default user."""

from __future__ import annotations

import pytest

from datasource_hyperv_kvp.instance import Instance, from_payload
from datasource_hyperv_kvp.payload import assemble, encode

UUID = "12345678-9abc-def0-1234-56789abcdef0"
SWAPPED = "78563412-bc9a-f0de-1234-56789abcdef0"


HOST_FACTS = {"VirtualMachineName": "web-1"}


def instance(*, uuid: str = UUID, previous: str = "", **documents: str) -> Instance:
    names = {
        name: "ignition.config" if name == "ignition" else "cloud-init." + name.replace("_", "-")
        for name in documents
    }
    pool = encode({names[name]: text for name, text in documents.items()})
    payload = assemble({0: pool, 3: HOST_FACTS})
    return from_payload(payload, system_uuid=uuid, previous_instance_id=previous)


def test_the_instance_id_is_the_hosts_or_else_the_machines() -> None:
    assert instance(meta_data="instance-id: web-1").meta_data["instance-id"] == "web-1"
    assert instance(user_data="#!").meta_data["instance-id"] == UUID
    assert instance(user_data="#!", uuid="").meta_data["instance-id"] == "iid-hypervkvp"


def test_a_byte_swapped_uuid_is_the_same_machine() -> None:
    assert instance(user_data="#!", previous=SWAPPED).meta_data["instance-id"] == SWAPPED


def test_a_clone_is_another_machine() -> None:
    other = "00000000-9abc-def0-1234-56789abcdef0"
    assert instance(user_data="#!", previous=other).meta_data["instance-id"] == UUID


def test_the_hosts_facts_are_meta_data() -> None:
    found = instance(user_data="#!")
    assert found.meta_data["hyperv"] == {"virtual_machine_name": "web-1"}


@pytest.mark.parametrize(
    ("documents", "fetches", "mode"),
    [
        ({"ignition": "{}"}, False, "local"),
        ({"ignition": "{}"}, True, "net"),
        ({"ignition": "{}", "user_data": "#!"}, False, "net"),
        ({"ignition": "{}", "vendor_data": "#!"}, False, "net"),
        ({"ignition": "{}", "meta_data": "a: b"}, False, "local"),
        ({"ignition": "{}", "meta_data": "dsmode: net"}, False, "net"),
        ({"ignition": "{}", "meta_data": "dsmode: local"}, True, "net"),
        ({"user_data": "#!"}, False, "net"),
        ({"user_data": "#!", "meta_data": "dsmode: local"}, False, "local"),
    ],
)
def test_the_stage_follows_from_what_has_to_be_done(
    documents: dict[str, str], fetches: bool, mode: str
) -> None:
    assert instance(**documents).dsmode(fetches=fetches) == mode


def test_ignition_alone_makes_no_default_user() -> None:
    assert not instance(ignition="{}").default_user
    assert not instance(ignition="{}", meta_data="local-hostname: a").default_user


def test_whoever_counts_on_the_default_user_gets_it() -> None:
    assert instance(user_data="#!").default_user
    assert instance(ignition="{}", user_data="#!").default_user
    assert instance(ignition="{}", meta_data="public-keys: [ssh-ed25519 A]").default_user


def test_damage_brings_the_default_user_back() -> None:
    found = instance(ignition="{}", meta_data="[broken")
    assert found.default_user
    assert [fault.name for fault in found.faults] == ["cloud-init.meta-data invalid"]


def test_a_bad_document_does_not_spoil_the_others() -> None:
    found = instance(meta_data="instance-id: a", network_config="version: 9", user_data="#!")
    assert found.network_config is None
    assert found.user_data == "#!"
    assert [fault.name for fault in found.faults] == ["cloud-init.network-config invalid"]
