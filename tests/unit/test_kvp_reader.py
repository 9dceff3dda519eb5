"""Reading: which way, how long, how fresh. Time is simulated, so no bound is too long to test."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import DeviceError, PoolFileError
from datasource_hyperv_kvp.kvp import (
    GuestSystem,
    Pools,
    Reading,
    Settings,
    Source,
    bounded,
    pool_path,
    read,
    read_pool_dir,
    reader,
    write_pool_files,
)
from datasource_hyperv_kvp.kvp.device import DeviceBusyError
from datasource_hyperv_kvp.kvp.freshness import is_marked, set_mark
from datasource_hyperv_kvp.platform import KVP_CLASS_ID
from tests.hyperv.engine import KernelEngine
from tests.hyperv.simulation import EnginePort, Time, queue_keys

FACTS = {"VirtualMachineName": "web-1", "HostName": "hv01"}
DOCUMENT = {"ignition.config": "{}"}
WALL = 1_700_000_000.0  # the wall clock at the start of a reading
STORAGE = "{ba6163d9-04a1-4d29-b605-72e2ffb1dc7f}"


class Guest:
    """A Hyper-V guest that booted 20 s ago; what happens in it is planned with :attr:`time`."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        self.time = Time()
        self.start = self.time.now
        self.kernel = KernelEngine()
        self.units: dict[str, Mapping[str, str]] = {}  # what systemd says, asked for them
        self.asked: list[str] = []  # the units that systemd was asked for
        self.settings = Settings(pool_dir=directory / "pools", device=directory / "hv_kvp")
        self.settings.pool_dir.mkdir()
        self.boot()
        self.vmbus(STORAGE, KVP_CLASS_ID)

    def boot(self, boot_id: str = "4f9c1a") -> None:
        self.write("proc/sys/kernel/random/boot_id", boot_id)
        (self.root / "run/systemd/system").mkdir(parents=True, exist_ok=True)

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def vmbus(self, *class_ids: str) -> None:
        for number, class_id in enumerate(class_ids):
            self.write(f"sys/bus/vmbus/devices/{number}/class_id", f"{class_id}\n")

    def no_vmbus(self) -> None:
        (self.root / "sys").rename(self.root / "no-sys")

    def device(self) -> None:
        self.settings.device.touch()

    def daemon(self) -> None:
        self.write("proc/431/comm", "hv_kvp_daemon\n")
        self.write("proc/431/cmdline", "/usr/sbin/hv_kvp_daemon\0-n\0")

    def install_daemon(self, unit: str = "[Unit]\nDefaultDependencies=no\n") -> None:
        self.write("usr/lib/systemd/system/hv-kvp-daemon.service", unit)
        self.write(
            "usr/lib/udev/rules.d/60-hyperv-daemons.rules",
            'KERNEL=="vmbus/hv_kvp", ENV{SYSTEMD_WANTS}+="hv-kvp-daemon.service"\n',
        )

    def store(self, pools: Pools, *, age: float = 0.0, mode: int = 0o600) -> None:
        """Leave pool files as the daemon does: rewritten in place, now or some time ago."""
        for number, pool in pools.items():
            path = pool_path(self.settings.pool_dir, number)
            scratch = self.root / "scratch"
            write_pool_files(scratch, {number: pool})
            path.write_bytes(pool_path(scratch, number).read_bytes())
            path.chmod(mode)
            written = self.wall() - age
            os.utime(path, (written, written))

    def wall(self) -> float:
        return WALL + self.time.now - self.start

    @property
    def waited(self) -> float:
        return self.time.now - self.start

    def open(self, path: Path) -> EnginePort:
        assert path == self.settings.device
        if not path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return EnginePort(self.kernel, self.time)

    def unit_state(self, unit: str) -> Mapping[str, str]:
        self.asked.append(unit)
        return self.units.get(unit, {})

    def read(
        self,
        *,
        is_complete: Callable[[Pools], bool] = lambda pools: False,
        is_pending: Callable[[Pools], bool] = lambda pools: False,
    ) -> Reading:
        host = GuestSystem(
            root=self.root,
            clock=self.time.clock,
            wall_clock=self.wall,
            uptime=lambda: 20.0 + self.waited,
            sleep=self.time.sleep,
            open_device=self.open,
            unit_state=self.unit_state,
        )
        began = self.waited
        reading = read(self.settings, is_complete=is_complete, is_pending=is_pending, host=host)
        assert reading.waited == pytest.approx(self.waited - began)
        assert set(reading.pools) == {0, 1, 2, 3, 4}
        return reading


@pytest.fixture
def guest(tmp_path: Path) -> Guest:
    return Guest(tmp_path)


def has_document(pools: Pools) -> bool:
    return "ignition.config" in pools[0]


# -- a daemon is there: pool files ----------------------------------------------------------------


def test_a_daemons_pool_files_are_read_and_the_device_is_left_alone(guest: Guest) -> None:
    guest.daemon()
    guest.device()
    guest.store({0: DOCUMENT, 3: FACTS})
    reading = guest.read()
    assert reading.source is Source.POOL_FILES
    assert reading.where == str(guest.settings.pool_dir)
    assert reading.pools[0] == DOCUMENT
    assert reading.pools[3] == FACTS
    assert reading.faults == ()
    assert guest.kernel.registrations == 0


def test_complete_documents_end_the_wait_at_once(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: DOCUMENT, 3: FACTS})
    guest.read(is_complete=has_document)
    assert guest.waited == 0


def test_without_a_manifest_silence_ends_the_wait(guest: Guest) -> None:
    guest.daemon()
    guest.time.after(2.0, lambda: guest.store({3: FACTS}))
    guest.time.after(2.9, lambda: guest.store({0: DOCUMENT}))
    assert guest.read().pools[0] == DOCUMENT
    assert guest.waited == pytest.approx(3.9, abs=0.15)


def test_host_facts_alone_cost_the_settle_time(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: {}, 3: FACTS})
    reading = guest.read()
    assert reading.pools[0] == {}
    assert "nothing more came for 1 s" in reading.reasons
    assert guest.waited == pytest.approx(1, abs=0.1)


def test_a_host_that_says_nothing_costs_the_overall_bound(guest: Guest) -> None:
    guest.daemon()
    reading = guest.read()
    assert reading.source is Source.NONE
    assert reading.where == ""
    assert guest.waited == pytest.approx(20, abs=0.1)


def test_the_guests_own_reports_are_not_a_word_of_the_host(guest: Guest) -> None:
    guest.daemon()
    guest.store({1: {"CLOUD_INIT|1": "report"}})
    reading = guest.read()
    assert guest.waited == pytest.approx(20, abs=0.1)
    assert reading.source is Source.NONE


def test_a_document_that_is_not_whole_is_waited_for_to_the_overall_bound(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: {"ignition.config.1": "}"}, 3: FACTS})
    guest.time.after(
        8, lambda: guest.store({0: {"ignition.config.1": "}", "ignition.config.0": "{"}})
    )
    reading = guest.read(is_pending=lambda pools: "ignition.config.0" not in pools[0])
    assert list(reading.pools[0]) == ["ignition.config.1", "ignition.config.0"]
    assert guest.waited == pytest.approx(9, abs=0.2)


def test_a_document_that_is_never_whole_is_given_back_as_it_is(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: {"ignition.config.1": "}"}, 3: FACTS})
    reading = guest.read(is_pending=lambda pools: True)
    assert reading.source is Source.POOL_FILES
    assert reading.pools[0] == {"ignition.config.1": "}"}
    assert "the time is up after 20 s" in reading.reasons


def test_a_daemon_that_will_be_started_by_udev_is_waited_for(guest: Guest) -> None:
    guest.install_daemon()
    guest.device()
    guest.time.after(6, guest.daemon)
    guest.time.after(7, lambda: guest.store({0: DOCUMENT, 3: FACTS}))
    reading = guest.read(is_complete=has_document)
    assert reading.source is Source.POOL_FILES
    assert guest.kernel.registrations == 0
    assert guest.waited == pytest.approx(7, abs=0.1)


def test_an_expected_daemon_that_never_comes_keeps_the_device(guest: Guest) -> None:
    guest.install_daemon()
    guest.device()
    guest.units["hv-kvp-daemon.service"] = {"ActiveState": "inactive"}
    assert guest.read().source is Source.NONE
    assert guest.kernel.registrations == 0
    assert guest.waited == pytest.approx(20, abs=0.1)


def test_a_daemon_that_has_failed_leaves_the_device_to_us(guest: Guest) -> None:
    guest.install_daemon()
    guest.device()
    guest.units["hv-kvp-daemon.service"] = {"ActiveState": "failed"}
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read(is_complete=has_document)
    assert reading.source is Source.DEVICE
    assert reading.pools[0] == DOCUMENT
    assert "hv-kvp-daemon.service has failed, so the device is read" in reading.reasons
    assert guest.waited < 2


def test_a_daemon_that_fails_when_the_time_is_nearly_up_leaves_a_moment_for_the_device(
    guest: Guest,
) -> None:
    guest.install_daemon()
    guest.device()

    def fail() -> None:
        guest.units["hv-kvp-daemon.service"] = {"ActiveState": "failed"}

    guest.time.after(18.5, fail)
    guest.time.after(20.3, lambda: queue_keys(guest.kernel, 0, DOCUMENT))
    assert guest.read(is_complete=has_document).pools[0] == DOCUMENT


def test_a_daemon_that_waits_for_us_does_not_make_us_wait_for_it(guest: Guest) -> None:
    guest.install_daemon("[Service]\nExecStart=hv_kvp_daemon\n")
    guest.device()
    guest.units["basic.target"] = {"ActiveState": "inactive"}
    queue_keys(guest.kernel, 0, DOCUMENT)
    assert guest.read(is_complete=has_document).source is Source.DEVICE
    assert guest.waited < 0.5


def test_systemd_is_not_asked_at_every_look(guest: Guest) -> None:
    guest.install_daemon("[Service]\nExecStart=hv_kvp_daemon\n")
    guest.device()
    guest.read()
    assert 2 < len(guest.asked) < 50


# -- no daemon: the device ------------------------------------------------------------------------


def test_without_a_daemon_the_device_is_read_and_the_pool_files_are_written(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 3, FACTS)
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read()
    assert reading.source is Source.DEVICE
    assert reading.where == str(guest.settings.device)
    assert reading.pools == {0: DOCUMENT, 1: {}, 2: {}, 3: FACTS, 4: {}}
    assert read_pool_dir(guest.settings.pool_dir) == reading.pools
    files = list(guest.settings.pool_dir.iterdir())
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert is_marked(guest.settings.pool_dir, guest.root)
    assert not guest.kernel.is_open


def test_the_pool_files_are_written_before_the_device_is_left(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)
    held: list[bool] = []
    original = guest.kernel.close

    def close() -> None:
        held.append(pool_path(guest.settings.pool_dir, 0).exists())
        original()

    guest.kernel.close = close  # type: ignore[method-assign]  # to look at that very moment
    guest.read()
    assert held == [True]


def test_what_a_template_left_is_not_mixed_with_what_the_device_gives(guest: Guest) -> None:
    guest.device()
    guest.store({0: {"old": "x"}, 1: {"report": "x"}, 3: {"VirtualMachineName": "old"}}, age=9e4)
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read()
    assert reading.pools == {0: DOCUMENT, 1: {"report": "x"}, 2: {}, 3: {}, 4: {}}
    assert read_pool_dir(guest.settings.pool_dir) == reading.pools


def test_a_second_reading_in_a_boot_has_what_the_first_got(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)
    queue_keys(guest.kernel, 3, FACTS)
    first = guest.read()
    second = guest.read()
    assert second.pools == first.pools
    assert second.source is Source.POOL_FILES
    queue_keys(guest.kernel, 0, {"more": "x"})
    third = guest.read()
    assert third.pools[0] == {**DOCUMENT, "more": "x"}


def test_a_second_reading_of_complete_documents_does_not_open_the_device(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)
    guest.read(is_complete=has_document)
    guest.read(is_complete=has_document)
    assert guest.kernel.registrations == 1


def test_a_second_reading_with_a_document_in_pieces_ends_with_the_bound(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, {"ignition.config.1": "x"})
    guest.read(is_pending=lambda pools: True)
    reading = guest.read(is_pending=lambda pools: True)
    assert reading.pools[0] == {"ignition.config.1": "x"}
    assert guest.waited == pytest.approx(40, abs=0.3)
    assert guest.kernel.registrations <= 2


def test_a_device_that_comes_late_is_waited_for(guest: Guest) -> None:
    guest.time.after(6, guest.device)
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read(is_complete=has_document)
    assert reading.source is Source.DEVICE
    assert guest.waited == pytest.approx(6.2, abs=0.2)


def test_a_daemon_that_comes_just_before_us_has_its_right(guest: Guest) -> None:
    def come() -> None:
        guest.device()
        guest.daemon()

    guest.time.after(0.2, come)  # between two looks for a daemon
    guest.time.after(1, lambda: guest.store({0: DOCUMENT}))
    assert guest.read(is_complete=has_document).source is Source.POOL_FILES
    assert guest.kernel.registrations == 0


def test_a_device_that_is_silent_costs_the_overall_bound_and_no_more(guest: Guest) -> None:
    guest.device()
    reading = guest.read()
    assert reading.source is Source.NONE
    assert guest.waited == pytest.approx(20, abs=0.1)
    assert not pool_path(guest.settings.pool_dir, 0).exists()


def test_a_device_that_somebody_else_has_leads_to_the_pool_files(guest: Guest) -> None:
    guest.device()
    guest.kernel.open()
    guest.time.after(3, lambda: guest.store({0: DOCUMENT}))
    reading = guest.read(is_complete=has_document)
    assert reading.source is Source.POOL_FILES
    assert reading.pools[0] == DOCUMENT
    assert [type(fault) for fault in reading.faults] == [DeviceBusyError]


def test_a_device_that_vanishes_leaves_what_it_gave(guest: Guest) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)

    class Port(EnginePort):
        def read(self) -> bytes:
            if not self.engine.pending:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            return super().read()

        def wait(self, timeout: float) -> bool:
            return True

    guest.open = lambda path: Port(guest.kernel, guest.time)  # type: ignore[method-assign]
    reading = guest.read()
    assert reading.source is Source.DEVICE
    assert reading.pools[0] == DOCUMENT
    assert read_pool_dir(guest.settings.pool_dir)[0] == DOCUMENT
    assert "cannot be read: Bad file descriptor" in str(reading.faults[0])


def test_pool_files_that_cannot_be_written_do_not_spoil_the_reading(guest: Guest) -> None:
    guest.device()
    guest.settings.pool_dir.rmdir()
    guest.settings.pool_dir.touch()
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read()
    assert reading.pools[0] == DOCUMENT
    assert "the pool files cannot be written" in str(reading.faults[0])


def test_a_device_that_blocks_in_the_kernel_is_left_behind(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.device()
    guest.settings = Settings(
        pool_dir=guest.settings.pool_dir, device=guest.settings.device, timeout=0.2, settle=0.05
    )
    monkeypatch.setattr(reader, "_MARGIN", 0.05)
    released = threading.Event()

    def block(path: Path) -> EnginePort:
        released.wait(30)
        raise OSError(errno.EIO, "released")

    guest.open = block  # type: ignore[method-assign]
    try:
        reading = guest.read()
    finally:
        released.set()
    assert reading.source is Source.NONE
    assert "has blocked for" in str(reading.faults[0])


def test_a_device_that_blocks_after_it_has_spoken_leaves_what_it_gave(
    guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)
    guest.settings = Settings(
        pool_dir=guest.settings.pool_dir, device=guest.settings.device, timeout=0.2, settle=0.05
    )
    monkeypatch.setattr(reader, "_MARGIN", 0.05)
    released = threading.Event()

    class Port(EnginePort):
        def wait(self, timeout: float) -> bool:
            if not self.engine.pending:
                released.wait(30)
            return super().wait(timeout)

    guest.open = lambda path: Port(guest.kernel, guest.time)  # type: ignore[method-assign]
    try:
        reading = guest.read()
    finally:
        released.set()
    assert reading.source is Source.DEVICE
    assert reading.pools[0] == DOCUMENT
    assert "has blocked for" in str(reading.faults[0])


def test_a_pool_file_that_a_power_cut_tore_is_no_fault_of_the_device(guest: Guest) -> None:
    guest.device()
    set_mark(guest.settings.pool_dir, guest.root)
    pool_path(guest.settings.pool_dir, 0).write_bytes(b"torn")
    queue_keys(guest.kernel, 0, DOCUMENT)
    reading = guest.read()
    assert reading.source is Source.DEVICE
    assert reading.faults == ()
    assert read_pool_dir(guest.settings.pool_dir)[0] == DOCUMENT


# -- neither --------------------------------------------------------------------------------------


def test_a_host_that_does_not_offer_kvp_is_not_waited_for(guest: Guest) -> None:
    guest.no_vmbus()
    guest.vmbus(STORAGE)
    guest.install_daemon()
    reading = guest.read()
    assert reading.source is Source.NONE
    assert guest.waited == 0
    assert any("Data Exchange is switched off" in reason for reason in reading.reasons)


def test_a_device_is_read_whatever_vmbus_shows(guest: Guest) -> None:
    guest.no_vmbus()
    guest.device()
    queue_keys(guest.kernel, 0, DOCUMENT)
    assert guest.read().source is Source.DEVICE


def test_vmbus_may_take_a_while_to_come_up(guest: Guest) -> None:
    guest.no_vmbus()
    guest.time.after(3, lambda: guest.vmbus(STORAGE, KVP_CLASS_ID))
    guest.time.after(6, guest.device)
    queue_keys(guest.kernel, 0, DOCUMENT)
    assert guest.read().source is Source.DEVICE


def test_vmbus_that_does_not_come_up_is_given_up(guest: Guest) -> None:
    guest.no_vmbus()
    reading = guest.read()
    assert reading.source is Source.NONE
    assert guest.waited == pytest.approx(5, abs=0.1)
    assert reading.reasons[-1] == "VMBus has not come up in 5 s"


def test_no_time_means_one_look(guest: Guest) -> None:
    guest.settings = Settings(
        pool_dir=guest.settings.pool_dir, device=guest.settings.device, timeout=0
    )
    guest.store({0: DOCUMENT, 3: FACTS})
    reading = guest.read()
    assert reading.pools[0] == DOCUMENT
    assert guest.waited == 0


# -- fresh or not ---------------------------------------------------------------------------------


def test_a_cloned_templates_keys_are_not_seen_beside_the_clones_own(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: {"ignition.config": "template"}, 3: FACTS}, age=9e4)

    def daemon_writes() -> None:
        # The daemon reads the file anew for every key, and writes it back with one key more.
        old = read_pool_dir(guest.settings.pool_dir)[0]
        guest.store({0: {**old, "cloud-init.user-data": "clone"}})

    guest.time.after(2, daemon_writes)
    reading = guest.read()
    assert reading.pools[0] == {"cloud-init.user-data": "clone"}
    assert "pool 0 was of an earlier boot or another machine: emptied" in reading.reasons


def test_a_clone_whose_host_sends_nothing_is_not_given_the_templates_keys(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: DOCUMENT, 3: FACTS}, age=9e4)
    reading = guest.read(is_complete=has_document)
    assert reading.source is Source.NONE
    assert not any(reading.pools.values())


def test_marked_pools_are_fresh_whatever_the_clock_says(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: DOCUMENT, 3: FACTS}, age=9e4)
    set_mark(guest.settings.pool_dir, guest.root)
    assert guest.read().pools[0] == DOCUMENT


def test_a_write_before_our_eyes_is_fresh_whatever_the_clock_says(guest: Guest) -> None:
    guest.daemon()
    guest.time.after(2, lambda: guest.store({0: DOCUMENT}, age=9e4))
    assert guest.read().pools[0] == DOCUMENT


def test_an_old_pool_that_is_sent_again_just_the_same_is_fresh(guest: Guest) -> None:
    guest.daemon()
    # Too young to be emptied, too old to be of this boot.
    guest.store({0: DOCUMENT, 3: FACTS}, age=30)
    guest.time.after(2, lambda: guest.store({0: DOCUMENT}))
    reading = guest.read(is_complete=has_document)
    assert reading.pools[0] == DOCUMENT
    assert reading.pools[3] == {}
    assert guest.waited == pytest.approx(2, abs=0.1)


def test_what_the_daemon_left_readable_becomes_private(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: DOCUMENT, 3: FACTS}, mode=0o644)
    guest.read()
    modes = {n: stat.S_IMODE(pool_path(guest.settings.pool_dir, n).stat().st_mode) for n in (0, 3)}
    assert modes == {0: 0o600, 3: 0o600}


# -- torn -----------------------------------------------------------------------------------------


def test_a_torn_file_that_is_mended_while_we_wait_is_read(guest: Guest) -> None:
    guest.daemon()
    pool_path(guest.settings.pool_dir, 0).write_bytes(b"torn")
    guest.time.after(0.5, lambda: guest.store({0: DOCUMENT}))
    reading = guest.read(is_complete=has_document)
    assert reading.pools[0] == DOCUMENT
    assert reading.faults == ()


def test_a_torn_file_that_stays_torn_is_a_fault_and_the_rest_is_read(guest: Guest) -> None:
    guest.daemon()
    guest.store({3: FACTS})
    set_mark(guest.settings.pool_dir, guest.root)
    pool_path(guest.settings.pool_dir, 0).write_bytes(b"torn")
    reading = guest.read()
    assert reading.pools[3] == FACTS
    assert [type(fault) for fault in reading.faults] == [PoolFileError]
    assert "found 4 bytes" in str(reading.faults[0])


def test_a_reading_shows_no_secret_in_its_representation(guest: Guest) -> None:
    guest.daemon()
    guest.store({0: {"key": "hunter2"}})
    assert "hunter2" not in repr(guest.read())


# -- bounded calls --------------------------------------------------------------------------------


def test_a_bounded_call_gives_its_result_or_its_error() -> None:
    assert bounded.run_bounded(lambda: 7, 5) == 7
    with pytest.raises(ZeroDivisionError):
        bounded.run_bounded(lambda: 1 // 0, 5)
    blocked = threading.Event()
    with pytest.raises(DeviceError, match="/dev/x: it has blocked for"):
        bounded.run_bounded(lambda: blocked.wait(30), 0.05, where="/dev/x")
    blocked.set()
