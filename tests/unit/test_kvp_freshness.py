"""Which pool files are of this boot, and emptying those of another once a boot."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp import (
    GuestSystem,
    pool_path,
    read_pool_dir,
    write_pool_files,
)
from datasource_hyperv_kvp.kvp import (
    empty_pools as command,
)
from datasource_hyperv_kvp.kvp.freshness import (
    MARK,
    Boot,
    Freshness,
    empty_pools,
    empty_stale_pools,
    is_marked,
    is_of,
    judge,
    set_mark,
    this_boot,
)

HOUR = 3600.0
NOW = 1_700_000_000.0  # what the clock says in these tests
UPTIME = 20.0
KEYS = {0: {"key": "value"}, 1: {"report": "x"}, 3: {"VirtualMachineName": "web-1"}}


class Machine:
    """A root directory, its pools, and the clocks of a boot that is 20 s old."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.pools = directory / "pools"
        self.reboot("4f9c1a")
        write_pool_files(self.pools, KEYS)
        self.written(NOW - 24 * HOUR)

    @property
    def host(self) -> GuestSystem:
        return GuestSystem(root=self.root, wall_clock=lambda: NOW, uptime=lambda: UPTIME)

    def reboot(self, boot_id: str) -> None:
        path = self.root / "proc/sys/kernel/random/boot_id"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{boot_id}\n")

    def written(self, time: float, *numbers: int) -> None:
        for number in numbers or range(5):
            os.utime(pool_path(self.pools, number), (time, time))

    def early_clock(self, time: float) -> None:
        zero = self.root / "dev/zero"
        zero.parent.mkdir(parents=True, exist_ok=True)
        zero.touch()
        os.utime(zero, (time, time))

    def judge(self, number: int = 0) -> Freshness:
        return judge(pool_path(self.pools, number), this_boot(self.pools, self.host))

    def empty(self) -> str:
        return empty_pools(self.pools, root=self.root)

    def keys(self, number: int) -> dict[str, str]:
        return dict(read_pool_dir(self.pools)[number])


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


# -- by the files' times -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (0.0, True),
        (UPTIME, True),
        (UPTIME + 0.5, True),  # the boot's own time is not known better than that
        (UPTIME + 60, False),
        (24 * HOUR, False),
        (-5.0, True),  # the clock was stepped back a little since
        (-HOUR, False),  # from the future: of a clock that we know nothing of
    ],
)
def test_a_file_is_of_this_boot_if_it_was_written_since(age: float, fresh: bool) -> None:
    assert is_of(Boot(marked=False, now=NOW, uptime=UPTIME), NOW - age) is fresh


@pytest.mark.parametrize("step", [-2 * HOUR, 2 * HOUR])
def test_a_clock_that_has_stepped_in_this_boot_deceives_nobody(step: float) -> None:
    # The boot began with another clock; what was written before the step has its time.
    early = NOW - UPTIME - step
    boot = Boot(marked=False, now=NOW, uptime=UPTIME, early=(early,))
    assert is_of(boot, early + 5)
    assert is_of(boot, NOW - 5)
    assert not is_of(boot, early - 60)
    assert not is_of(boot, NOW - step / 2)


def test_a_pool_file_is_judged_by_its_time(machine: Machine) -> None:
    assert machine.judge() is Freshness.STALE
    machine.written(NOW - 3)
    assert machine.judge() is Freshness.PROBABLE


def test_a_pool_file_written_before_the_clock_stepped_is_fresh(machine: Machine) -> None:
    machine.early_clock(NOW - 2 * HOUR - UPTIME)
    machine.written(NOW - 2 * HOUR - 10)
    assert machine.judge() is Freshness.PROBABLE


def test_a_missing_pool_file_is_stale(machine: Machine) -> None:
    pool_path(machine.pools, 0).unlink()
    assert machine.judge() is Freshness.STALE


# -- by the mark ---------------------------------------------------------------------------------


def test_the_mark_makes_certain_whatever_the_clock_says(machine: Machine) -> None:
    set_mark(machine.pools, machine.root)
    assert machine.judge() is Freshness.CERTAIN


def test_the_mark_of_another_boot_says_nothing(machine: Machine) -> None:
    set_mark(machine.pools, machine.root)
    machine.reboot("77aa02")
    assert not is_marked(machine.pools, machine.root)


def test_the_mark_is_for_one_directory(machine: Machine) -> None:
    set_mark(machine.pools, machine.root)
    assert not is_marked(machine.root, machine.root)


# -- emptying once a boot ------------------------------------------------------------------------


def test_the_pools_of_the_host_are_emptied_and_the_guests_stay(machine: Machine) -> None:
    assert machine.empty() == f"emptied the pools 0, 3 in {machine.pools}"
    assert read_pool_dir(machine.pools) == {0: {}, 1: KEYS[1], 2: {}, 3: {}, 4: {}}
    assert machine.judge() is Freshness.CERTAIN


def test_files_are_truncated_not_replaced_and_private_from_then_on(machine: Machine) -> None:
    path = pool_path(machine.pools, 0)
    path.chmod(0o644)
    before = path.stat().st_ino
    machine.empty()
    assert path.stat().st_ino == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_missing_files_are_made_private_before_the_daemon_makes_them_public(tmp_path: Path) -> None:
    pools = tmp_path / "var/lib/hyperv"
    empty_pools(pools, root=tmp_path / "root")
    assert sorted(path.name for path in pools.iterdir()) == [".kvp_pool_0", ".kvp_pool_3"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in pools.iterdir()} == {0o600}


def test_a_second_time_in_a_boot_nothing_is_emptied(machine: Machine) -> None:
    machine.empty()
    write_pool_files(machine.pools, KEYS)
    assert "nothing to do" in machine.empty()
    assert machine.keys(0) == KEYS[0]
    machine.reboot("77aa02")
    machine.empty()
    assert machine.keys(0) == {}


def test_what_a_running_daemon_may_have_stored_is_not_emptied(machine: Machine) -> None:
    process = machine.root / "proc/431"
    process.mkdir()
    (process / "comm").write_text("hv_kvp_daemon\n")
    (process / "cmdline").write_text("/usr/sbin/hv_kvp_daemon\0-n\0")
    assert "hv_kvp_daemon is running as process 431" in machine.empty()
    assert machine.keys(0) == KEYS[0]
    assert not is_marked(machine.pools, machine.root)


def test_pools_that_cannot_be_emptied_are_an_error(machine: Machine) -> None:
    path = pool_path(machine.pools, 3)
    path.unlink()
    path.mkdir()
    with pytest.raises(PoolFileError, match="the pools cannot be emptied: Is a directory"):
        machine.empty()
    assert not is_marked(machine.pools, machine.root)


# -- where our unit is not installed -------------------------------------------------------------


def _empty_stale(machine: Machine) -> list[int]:
    return empty_stale_pools(machine.pools, machine.host)


def test_pools_of_an_earlier_boot_are_emptied_and_marked(machine: Machine) -> None:
    assert _empty_stale(machine) == [0, 3]
    assert machine.keys(0) == machine.keys(3) == {}
    assert machine.keys(1) == KEYS[1]
    assert machine.judge() is Freshness.CERTAIN
    assert _empty_stale(machine) == []


def test_pools_of_this_boot_are_left_alone(machine: Machine) -> None:
    machine.written(NOW - 5)
    assert _empty_stale(machine) == []
    assert machine.keys(0) == KEYS[0]
    assert not is_marked(machine.pools, machine.root)


def test_pools_that_are_hardly_older_than_the_boot_are_not_used_and_not_emptied(
    machine: Machine,
) -> None:
    machine.written(NOW - UPTIME - 10)
    assert machine.judge() is Freshness.STALE
    assert _empty_stale(machine) == []
    assert machine.keys(0) == KEYS[0]


def test_one_stale_pool_is_emptied_and_nothing_is_marked(machine: Machine) -> None:
    machine.written(NOW - 5, 3)
    assert _empty_stale(machine) == [0]
    assert machine.keys(3) == KEYS[3]
    assert not is_marked(machine.pools, machine.root)


def test_marked_pools_are_left_alone_whatever_their_times(machine: Machine) -> None:
    set_mark(machine.pools, machine.root)
    assert _empty_stale(machine) == []
    assert machine.keys(0) == KEYS[0]


def test_no_pools_are_nothing_to_empty(machine: Machine, tmp_path: Path) -> None:
    assert empty_stale_pools(tmp_path / "none", machine.host) == []
    assert not (tmp_path / "none").exists()


# -- the command of the unit ---------------------------------------------------------------------


def test_the_command_empties_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Path] = []

    def empty(pool_dir: Path) -> str:
        asked.append(pool_dir)
        return "emptied"

    monkeypatch.setattr(command, "empty_pools", empty)
    assert command.main([str(tmp_path)]) == 0
    assert command.main([]) == 0
    assert asked == [tmp_path, Path("/var/lib/hyperv")]
    assert capsys.readouterr().out == "emptied\nemptied\n"


def test_the_command_reports_what_it_cannot_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def empty(pool_dir: Path) -> str:
        raise PoolFileError("it is locked", where=str(pool_dir))

    monkeypatch.setattr(command, "empty_pools", empty)
    assert command.main([]) == 1
    assert capsys.readouterr().err == "error: /var/lib/hyperv: it is locked\n"


@pytest.mark.parametrize("arguments", [["--help"], ["a", "b"]])
def test_a_wrong_call_is_told_how(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", command.__name__, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_the_mark_is_where_the_documentation_says() -> None:
    assert Path("run/datasource-hyperv-kvp/pools-of-this-boot") == MARK
