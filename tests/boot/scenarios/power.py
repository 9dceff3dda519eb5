"""Power cuts in the first boot."""

from __future__ import annotations

from pathlib import Path

from tests.boot.lab import Guest, Lab
from tests.boot.registry import ALL, scenario
from tests.boot.scenarios import checks
from tests.boot.scenarios.payloads import STATE, both
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


@scenario(boots=5)
def power_cuts(lab: Lab) -> None:
    """Power cut at ten moments of the first boot, over the releases; the next boot converges."""
    world = World(requests=Host().requests(both()))
    disk = lab.disk()
    moments = MOMENTS[ALL.index(lab.release) :: len(ALL)]
    machine = lab.start(disk, world, watch=moments)
    cut: dict[str, Path] = {}
    for moment in moments:
        machine.wait_for({"seen": moment})
        with machine.stopped():
            cut[moment] = lab.clone(disk, f"cut-{len(cut)}")
        lab.say(f"power cut at {moment}")
    machine.wait_booted()
    expected = Guest(machine).sh(STATE, check=False)
    assert "/opt/app/config" in expected, f"the first boot, not cut short:\n{expected}"
    machine.off()
    for moment in moments:
        guest = lab.boot(cut[moment], world)
        found = guest.sh(STATE, check=False)
        assert found == expected, f"after a power cut at {moment}:\n{_difference(expected, found)}"
        checks.assert_clean(guest)
        checks.assert_says(guest, "ignition.config", "user-data", provisioned=True)
        guest.machine.off()


def _difference(expected: str, found: str) -> str:
    import difflib

    return "\n".join(difflib.unified_diff(expected.splitlines(), found.splitlines(), lineterm=""))
