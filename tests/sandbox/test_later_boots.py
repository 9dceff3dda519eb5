"""The second boot of a machine, and the first of another one with the same disk."""

from __future__ import annotations

from dataclasses import replace

from tests.sandbox.hyperv import HyperVGuest
from tests.sandbox.payloads import (
    IGNITION,
    META_DATA,
    USER_CONFIG,
    USER_DATA,
    assert_clean,
    assert_ignition_applied,
    assert_reachable,
    assert_user_data_applied,
    ignition,
)

COUNTING = "#cloud-config\nruncmd: [echo once >>/root/count]\n"


def swapped(uuid: str) -> str:
    """Return a UUID as kernels and generations spell it that swap its first three groups."""
    first, second, third, *rest = uuid.split("-")
    groups = [bytes.fromhex(group)[::-1].hex() for group in (first, second, third)]
    return "-".join([*groups, *rest])


def test_a_later_boot_asks_nobody_and_applies_nothing_again(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition(), USER_DATA: COUNTING})
    guest.boot()
    guest.run(["sh", "-c", "echo changed >/srv/app/settings.ini; userdel grace"])
    guest.power_cycle()
    # the host sends nothing this time, and nobody waits for it
    guest.boot()
    assert_clean(guest)
    assert guest.read("/root/count") == "once\n"
    assert guest.read("/srv/app/settings.ini") == "changed\n"
    assert guest.run(["getent", "passwd", "grace"], check=False).code != 0
    assert guest.run(["cloud-id"]).out == "hypervkvp\n"


def test_the_same_machine_with_its_uuid_in_another_byte_order_is_the_same(
    guest: HyperVGuest,
) -> None:
    uuid = guest.machine.product_uuid
    guest.receive({USER_DATA: COUNTING})
    guest.boot()
    guest.power_off()
    guest.machine = replace(guest.machine, product_uuid=swapped(uuid).upper())
    guest.power_on()
    guest.receive({USER_DATA: COUNTING})
    guest.boot()
    assert guest.read("/root/count") == "once\n"
    assert guest.query("instance_id") == uuid


def test_another_machine_with_this_disk_is_provisioned_anew(guest: HyperVGuest) -> None:
    guest.receive({USER_DATA: COUNTING + "hostname: template\n"})
    guest.boot()
    guest.power_off()
    guest.machine = replace(guest.machine, product_uuid="00000000-1111-2222-3333-444444444444")
    guest.power_on()
    guest.receive({USER_DATA: "#cloud-config\nhostname: clone\n"})
    guest.boot()
    assert_clean(guest)
    assert guest.run(["hostname"]).out == "clone\n"
    assert guest.query("instance_id") == "00000000-1111-2222-3333-444444444444"


def test_a_repaired_payload_is_applied_after_a_damaged_boot(guest: HyperVGuest) -> None:
    guest.receive({IGNITION: ignition() + "}", USER_DATA: USER_CONFIG, META_DATA: "a: b"})
    guest.boot()
    assert not guest.status().clean
    assert not guest.exists("/srv/app")
    guest.power_cycle()
    guest.receive({IGNITION: ignition(), USER_DATA: USER_CONFIG, META_DATA: "a: b"})
    guest.boot()
    assert_clean(guest)
    assert_ignition_applied(guest)
    assert_user_data_applied(guest)


def test_a_payload_that_stays_damaged_breaks_nothing_at_the_next_boot(guest: HyperVGuest) -> None:
    documents = {IGNITION: ignition() + "}", USER_DATA: COUNTING}
    guest.receive(documents)
    guest.boot()
    guest.power_cycle()
    guest.receive(documents)
    guest.boot()
    assert not guest.status().clean
    assert_reachable(guest)
    assert guest.read("/root/count") == "once\n"
