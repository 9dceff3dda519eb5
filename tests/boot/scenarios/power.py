"""Power cuts in the first boot."""

from __future__ import annotations

from tests.boot.lab import Lab
from tests.boot.registry import ALL, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import STATE, UNDISTURBED, both
from tests.boot.world import UUID, Host, World

_INSTANCE = f"/var/lib/cloud/instances/{UUID}"

#: Ten moments of a first boot, each the coming into being of something, in their order.
MOMENTS = (
    "/var/lib/hyperv/.kvp_pool_4",  # the keys are written to the pool files
    f"{_INSTANCE}/obj.pkl",  # the datasource is chosen
    f"{_INSTANCE}/cloud-config.txt",  # user-data is read, nothing of it is done
    f"{_INSTANCE}/ignition",  # the journal has begun
    "/home/core",  # the accounts
    "/opt/app/data",  # directories
    "/opt/app/current",  # the last of the nodes
    "/etc/systemd/system/app.service",  # units
    f"{_INSTANCE}/sem/config_users_groups",  # the user's own accounts
    f"{_INSTANCE}/sem/config_runcmd",  # what only the final stage will run
)


@scenario(boots=7)
def power_cuts(lab: Lab) -> None:
    """Power cut at ten moments of the first boot, over the releases; the next boot converges."""
    requests = Host().requests(both())
    expected = UNDISTURBED.get(lab.release) or _undisturbed(lab)
    for number, moment in enumerate(MOMENTS):
        if ALL[number % len(ALL)] != lab.release:
            continue
        disk = lab.disk("cut")
        machine = lab.start(disk, World(requests=requests), watch=[moment])
        machine.wait_for({"event": "up"})
        machine.wait_for({"seen": moment})
        machine.off()
        lab.say(f"power cut at {moment}")
        guest = lab.boot(disk, World(requests=requests))
        found = guest.sh(STATE, check=False)
        assert found == expected, f"after a power cut at {moment}:\n{_difference(expected, found)}"
        checks.assert_clean(guest)
        checks.assert_says(guest, "ignition.config", "user-data", provisioned=True)
        guest.machine.off()


def _undisturbed(lab: Lab) -> str:
    guest = lab.boot(lab.disk("undisturbed"), World(requests=Host().requests(both())))
    state = guest.sh(STATE, check=False)
    assert "/opt/app/config" in state
    guest.machine.off()
    return state


def _difference(expected: str, found: str) -> str:
    import difflib

    return "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), lineterm=""))
