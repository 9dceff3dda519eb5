"""Keys on their real way: over the device, with the guest's own KVP daemon and without one."""

from __future__ import annotations

from datasource_hyperv_kvp.kvp import AUTO_EXTERNAL, EXTERNAL
from datasource_hyperv_kvp.payload import encode
from tests.sandbox.hyperv import DEVICE, FACTS, HyperVGuest
from tests.sandbox.payloads import (
    IGNITION,
    USER_CONFIG,
    USER_DATA,
    assert_clean,
    assert_ignition_applied,
    assert_user_data_applied,
    ignition,
    stat,
)

BOTH = {IGNITION: ignition(), USER_DATA: USER_CONFIG}


def test_the_real_daemon_brings_both_payloads(guest: HyperVGuest) -> None:
    with guest.host() as host:
        host.queue_keys(AUTO_EXTERNAL, FACTS)
        host.queue_keys(EXTERNAL, encode(BOTH))
        daemon = guest.start_daemon()
        guest.boot()
        assert_clean(guest)
        assert_ignition_applied(guest)
        assert_user_data_applied(guest)
        assert guest.query("v1.subplatform") == "pool files (/var/lib/hyperv)"
        # the daemon was left in peace and goes on serving the host
        assert daemon.poll() is None
        assert host.enumerate(EXTERNAL) == encode(BOTH)


def test_keys_that_come_late_and_slowly_are_waited_for(guest: HyperVGuest) -> None:
    keys = list(encode(BOTH).items())
    with guest.host() as host:
        guest.start_daemon()
        host.wait_registered()
        local = guest.start(["cloud-init", "init", "--local"])
        host.set_keys(AUTO_EXTERNAL, FACTS)
        for key, value in reversed(keys):
            host.set(EXTERNAL, key, value)
        local.wait(60)
        guest.boot(stages=["network", "config", "final"])
        assert_clean(guest)
        assert_ignition_applied(guest)


def test_without_a_daemon_the_device_is_read_and_kept_for_others(guest: HyperVGuest) -> None:
    files = guest.run(["dpkg", "--listfiles", "hyperv-daemons"]).out.split()
    guest.run(["rm", *(path for path in files if path.endswith(("_daemon", ".service", ".rules")))])
    with guest.host() as host:
        host.queue_keys(AUTO_EXTERNAL, FACTS)
        host.queue_keys(EXTERNAL, encode(BOTH))
        guest.boot(env=guest.device_environment())
    assert_clean(guest)
    assert_ignition_applied(guest)
    assert_user_data_applied(guest)
    assert guest.query("v1.subplatform") == f"device (/{DEVICE})"
    for pool in range(5):
        assert stat(guest, f"/var/lib/hyperv/.kvp_pool_{pool}") == "600 root root"
