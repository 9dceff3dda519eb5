"""Our conversation with the kernel: against its emulation, then with every fault that there is."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import DeviceError
from datasource_hyperv_kvp.kvp.device import DeviceBusyError, Session
from datasource_hyperv_kvp.kvp.patience import Patience, never
from datasource_hyperv_kvp.kvp.pools import Pools
from datasource_hyperv_kvp.kvp.port import FilePort, open_port
from datasource_hyperv_kvp.kvp.protocol import MESSAGE_SIZE
from tests.hyperv.engine import (
    DELETE,
    ENUMERATE,
    FAIL,
    GET,
    GET_IP_INFO,
    NO_MORE_ITEMS,
    NOT_SUPPORTED,
    OK,
    SET,
    SET_IP_INFO,
    Exchange,
    KernelEngine,
    Request,
)
from tests.hyperv.host import KvpHost
from tests.hyperv.simulation import EnginePort, Time, queue_keys

DEVICE = Path("/dev/vmbus/hv_kvp")
FACTS = {"VirtualMachineName": "web-1", "HostName": "hv01"}


class Bench:
    """A kernel, simulated time, and one session on them."""

    def __init__(self) -> None:
        self.kernel = KernelEngine()
        self.time = Time()
        self.port: EnginePort | None = None

    def session(
        self,
        make_port: Callable[[KernelEngine, Time], EnginePort] = EnginePort,
        pools: Pools | None = None,
    ) -> Session:
        def opener(path: Path) -> EnginePort:
            assert path == DEVICE
            self.port = make_port(self.kernel, self.time)
            return self.port

        return Session(
            DEVICE, opener=opener, clock=self.time.clock, sleep=self.time.sleep, pools=pools
        )

    def drain(
        self,
        session: Session,
        *,
        is_complete: Callable[[Pools], bool] = never,
        is_pending: Callable[[Pools], bool] = never,
        timeout: float = 20.0,
    ) -> str:
        patience = Patience(is_complete, is_pending, settle=1.0, drain=0.2)
        return session.drain(patience, self.time.now + timeout)

    def ask(self, *requests: Request) -> list[Exchange]:
        return [self.kernel.ask(request) for request in requests]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_the_host_sets_is_kept_in_its_order(bench: Bench) -> None:
    queue_keys(bench.kernel, 3, FACTS)
    queue_keys(bench.kernel, 0, {"b": "1", "a": "ü"})
    with bench.session() as session:
        assert bench.drain(session) == "nothing more came for 1 s"
    assert session.pools == {0: {"b": "1", "a": "ü"}, 1: {}, 2: {}, 3: FACTS, 4: {}}
    assert list(session.pools[0]) == ["b", "a"]
    assert not bench.kernel.is_open


def test_an_update_replaces_and_a_delete_drops(bench: Bench) -> None:
    queue_keys(bench.kernel, 0, {"a": "1", "b": "1"})
    answers = bench.ask(Request(SET, 0, "a", "2"), Request(DELETE, 0, "b"), Request(DELETE, 0, "b"))
    with bench.session() as session:
        bench.drain(session)
    assert session.pools[0] == {"a": "2"}
    assert [answer.status for answer in answers] == [OK, OK, NO_MORE_ITEMS]


def test_every_request_gets_an_answer_with_the_right_status(bench: Bench) -> None:
    asked = {
        Request(SET, 0, "key", "value"): (OK, "", ""),
        Request(GET, 0, "key"): (OK, "key", "value"),
        Request(GET, 0, "none"): (NO_MORE_ITEMS, "", ""),
        Request(ENUMERATE, 0, index=0): (OK, "key", "value"),
        Request(ENUMERATE, 0, index=1): (NO_MORE_ITEMS, "", ""),
        Request(ENUMERATE, 2, index=0): (NO_MORE_ITEMS, "", ""),
        Request(GET_IP_INFO, 0): (NOT_SUPPORTED, "", ""),
        Request(SET_IP_INFO, 0): (NOT_SUPPORTED, "", ""),
        Request(42, 0): (NOT_SUPPORTED, "", ""),
        Request(SET, 9, "key", "value"): (FAIL, "", ""),
        Request(ENUMERATE, 255): (FAIL, "", ""),
        Request(SET, 0, "", "value without a key"): (FAIL, "", ""),
    }
    answers = bench.ask(*asked)
    with bench.session() as session:
        bench.drain(session)
    assert [(a.status, a.key, a.value) for a in answers] == list(asked.values())
    assert bench.kernel.refused == 0
    assert session.notes == [
        "the host named pool 9, which does not exist; refused",
        "the host named pool 255, which does not exist; refused",
        "the host set a value without a key; refused",
    ]


def test_silence_after_the_host_facts_ends_the_wait_after_the_settle_time(bench: Bench) -> None:
    queue_keys(bench.kernel, 3, FACTS)
    with bench.session() as session:
        bench.drain(session)
    assert bench.time.now == pytest.approx(1001, abs=0.05)


def test_a_host_that_says_nothing_is_waited_for_to_the_end(bench: Bench) -> None:
    bench.ask(Request(ENUMERATE, 2), Request(GET_IP_INFO))
    with bench.session() as session:
        assert bench.drain(session, timeout=7) == "the time is up"
    assert bench.time.now == pytest.approx(1007, abs=0.05)


def test_keys_that_come_late_or_in_bursts_are_waited_for(bench: Bench) -> None:
    bench.time.after(4.0, lambda: queue_keys(bench.kernel, 3, FACTS))
    bench.time.after(4.9, lambda: queue_keys(bench.kernel, 0, {"a": "1"}))
    bench.time.after(5.8, lambda: queue_keys(bench.kernel, 0, {"b": "2"}))
    with bench.session() as session:
        bench.drain(session)
    assert session.pools[0] == {"a": "1", "b": "2"}
    assert bench.time.now == pytest.approx(1006.8, abs=0.05)


def test_complete_documents_end_the_wait_once_the_burst_is_drained(bench: Bench) -> None:
    queue_keys(bench.kernel, 0, {"document": "x"})
    bench.time.after(0.15, lambda: queue_keys(bench.kernel, 3, FACTS))
    with bench.session() as session:
        why = bench.drain(session, is_complete=lambda pools: "document" in pools[0])
    assert why == "every document of the manifest is there"
    assert session.pools[3] == FACTS
    assert bench.time.now == pytest.approx(1000.35, abs=0.05)


def test_whole_documents_are_looked_for_only_when_it_is_quiet(bench: Bench) -> None:
    looks = 0

    def is_complete(pools: Pools) -> bool:
        nonlocal looks
        looks += 1
        return False

    queue_keys(bench.kernel, 0, {f"key.{n}": "x" for n in range(500)})
    with bench.session() as session:
        bench.drain(session, is_complete=is_complete)
    assert looks <= 3


def test_a_document_that_is_not_whole_is_waited_for_beyond_the_settle_time(bench: Bench) -> None:
    queue_keys(bench.kernel, 0, {"document.0": "x"})
    bench.time.after(9.0, lambda: queue_keys(bench.kernel, 0, {"document.1": "y"}))
    with bench.session() as session:
        bench.drain(session, is_pending=lambda pools: "document.1" not in pools[0])
    assert session.pools[0] == {"document.0": "x", "document.1": "y"}
    assert bench.time.now == pytest.approx(1010, abs=0.05)


def test_a_host_that_never_stops_is_left_when_the_time_is_up(bench: Bench) -> None:
    def chatter() -> None:
        queue_keys(bench.kernel, 0, {"key": str(bench.time.now)})
        bench.time.after(0.1, chatter)

    chatter()
    with bench.session() as session:
        assert bench.drain(session, timeout=5) == "the time is up"
    assert bench.time.now == pytest.approx(1005, abs=0.2)


def test_what_is_known_already_counts_as_said(bench: Bench) -> None:
    with bench.session(pools={0: {"a": "1"}, 3: FACTS}) as session:
        assert bench.drain(session) == "nothing more came for 1 s"
    assert session.pools[0] == {"a": "1"}
    assert session.changes == 0


# -- faults ------------------------------------------------------------------------------------


def test_a_device_that_somebody_else_has_is_busy(bench: Bench) -> None:
    bench.kernel.open()
    with pytest.raises(DeviceBusyError, match="/dev/vmbus/hv_kvp: somebody else has"):
        bench.session()


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENXIO, errno.EACCES])
def test_a_device_that_cannot_be_opened_says_why(bench: Bench, number: int) -> None:
    def opener(path: Path) -> EnginePort:
        raise OSError(number, os.strerror(number), str(path))

    with pytest.raises(DeviceError) as caught:
        Session(DEVICE, opener=opener)
    assert str(caught.value) == f"{DEVICE}: the device cannot be opened: {os.strerror(number)}"
    assert not isinstance(caught.value, DeviceBusyError)


class FaultyPort(EnginePort):
    """A port whose calls fail as planned: errno by the number of the call, -1 for every one."""

    waits: dict[int, int]
    reads: dict[int, int]
    writes: dict[int, int]

    def __init__(self, kernel: KernelEngine, clock: Time) -> None:
        super().__init__(kernel, clock)
        self.waits, self.reads, self.writes = {}, {}, {}
        self.calls = {"wait": 0, "read": 0, "write": 0}

    def _fault(self, call: str, faults: dict[int, int]) -> None:
        self.calls[call] += 1
        number = faults.get(self.calls[call], faults.get(-1, 0))
        if number:
            raise OSError(number, os.strerror(number))

    def wait(self, timeout: float) -> bool:
        self._fault("wait", self.waits)
        return super().wait(timeout)

    def read(self) -> bytes:
        self._fault("read", self.reads)
        return super().read()

    def write(self, message: bytes) -> int:
        self._fault("write", self.writes)
        return super().write(message)


def _faulty(**faults: dict[int, int]) -> Callable[[KernelEngine, Time], FaultyPort]:
    def make(kernel: KernelEngine, clock: Time) -> FaultyPort:
        port = FaultyPort(kernel, clock)
        for name, planned in faults.items():
            setattr(port, name, planned)
        return port

    return make


@pytest.mark.parametrize("again", [errno.EINTR, errno.EAGAIN])
def test_interrupted_calls_are_made_again(bench: Bench, again: int) -> None:
    queue_keys(bench.kernel, 0, {"a": "1", "b": "2"})
    faults = {1: again, 3: again}
    # poll does not say EAGAIN
    waits = {1: errno.EINTR, 4: errno.EINTR}
    with bench.session(_faulty(waits=waits, reads=faults, writes=faults)) as session:
        bench.drain(session)
    assert session.pools[0] == {"a": "1", "b": "2"}
    assert bench.kernel.refused == 0


def test_a_device_that_always_says_again_is_left_when_the_time_is_up(bench: Bench) -> None:
    queue_keys(bench.kernel, 0, {"a": "1"})
    with bench.session(_faulty(reads={-1: errno.EAGAIN})) as session:
        assert bench.drain(session, timeout=3) == "the time is up"
    assert bench.time.now == pytest.approx(1003, abs=0.05)


def test_a_device_that_takes_nothing_is_given_up(bench: Bench) -> None:
    with (
        bench.session(_faulty(writes={-1: errno.EAGAIN})) as session,
        pytest.raises(DeviceError, match="has taken no message for 2 s"),
    ):
        bench.drain(session)
    assert bench.time.now == pytest.approx(1002, abs=0.05)


@pytest.mark.parametrize("number", [errno.EBADF, errno.ENODEV, errno.EIO])
@pytest.mark.parametrize("call", ["waits", "reads", "writes"])
def test_a_device_that_vanishes_leaves_what_it_gave(bench: Bench, call: str, number: int) -> None:
    queue_keys(bench.kernel, 0, {"a": "1", "b": "2", "c": "3"})
    with (
        bench.session(_faulty(**{call: {4: number}})) as session,
        pytest.raises(DeviceError, match=os.strerror(number)),
    ):
        bench.drain(session)
    assert {"a": "1"}.items() <= session.pools[0].items()
    assert not bench.kernel.is_open


def test_an_answer_that_came_too_late_is_noted_and_the_host_goes_on(bench: Bench) -> None:
    queue_keys(bench.kernel, 0, {"a": "1", "b": "2"})
    with bench.session(_faulty(writes={2: errno.EINVAL})) as session:
        # What the kernel did not take it still waits for; in earnest it has given up.
        bench.time.after(0.1, bench.kernel.expire)
        bench.drain(session)
    assert session.notes == [f"{DEVICE}: an answer was refused, it came too late"]
    assert session.pools[0] == {"a": "1", "b": "2"}


def test_a_kernel_that_refuses_the_registration_is_given_up(bench: Bench) -> None:
    with (
        bench.session(_faulty(writes={1: errno.EINVAL})) as session,
        pytest.raises(DeviceError, match="refused the registration"),
    ):
        bench.drain(session)


def test_a_write_in_part_is_given_up(bench: Bench) -> None:
    class Port(EnginePort):
        def write(self, message: bytes) -> int:
            return 100

    with (
        bench.session(Port) as session,
        pytest.raises(DeviceError, match="took 100 of a message's 7432 bytes"),
    ):
        bench.drain(session)


# -- the same over a file descriptor: a socket that keeps messages apart, as the device does ------


class Peer:
    """The other end of a socket in the device's place, without any manners."""

    def __init__(self) -> None:
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        theirs.setblocking(False)
        self.fd = theirs.detach()

    def drain(self, timeout: float = 0.5) -> Session:
        session = Session(DEVICE, opener=lambda _: FilePort(self.fd))
        with session:
            patience = Patience(never, never, settle=0.1, drain=0.05)
            session.drain(patience, time.monotonic() + timeout)
        return session


def test_a_device_that_hangs_is_left_when_the_time_is_up() -> None:
    peer = Peer()
    session = peer.drain()
    assert len(peer.ours.recv(MESSAGE_SIZE + 1)) == MESSAGE_SIZE  # our registration
    assert session.pools[0] == {}


def test_a_device_that_hangs_up_is_gone() -> None:
    peer = Peer()
    peer.ours.close()
    with pytest.raises(DeviceError, match="/dev/vmbus/hv_kvp: "):
        peer.drain()


def test_a_device_that_ends_is_gone() -> None:
    peer = Peer()
    peer.ours.shutdown(socket.SHUT_WR)
    with pytest.raises(DeviceError, match="has ended"):
        peer.drain()


def test_short_messages_are_answered_with_a_failure_and_not_used() -> None:
    peer = Peer()
    for size in (1, 100, MESSAGE_SIZE - 1):
        peer.ours.send(b"\x01" * size)
    session = peer.drain()
    answers = [peer.ours.recv(MESSAGE_SIZE + 1) for _ in range(4)][1:]
    assert [answer[:4] for answer in answers] == [FAIL.to_bytes(4, "little")] * 3
    assert {len(answer) for answer in answers} == {MESSAGE_SIZE}
    assert not any(session.pools.values())
    assert len(session.notes) == 3


def test_a_device_that_sends_nothing_else_is_given_up() -> None:
    peer = Peer()
    for _ in range(20):
        peer.ours.send(b"\x01\x00\x00\x00")
    with pytest.raises(DeviceError, match="expected messages of 7432 bytes, found 16 others"):
        peer.drain()


def test_the_real_opener_opens_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "device")
    port = open_port(tmp_path / "device")
    assert not port.wait(0)
    port.close()
    with pytest.raises(FileNotFoundError):
        open_port(tmp_path / "none")


def test_our_reader_and_the_emulated_host_understand_each_other(tmp_path: Path) -> None:
    keys = {f"ignition.config.{n}": f"{n}" * 1000 for n in range(40)}
    with KvpHost(tmp_path / "kvp.sock") as host:
        exchanges = host.queue_keys(3, FACTS) + host.queue_keys(0, keys)
        patience = Patience(lambda pools: len(pools[0]) == 40, never, settle=1.0, drain=0.05)
        with Session(DEVICE, opener=lambda _: FilePort(host.connect())) as session:
            with pytest.raises(OSError, match="busy"):
                host.connect()
            session.drain(patience, time.monotonic() + 10)
        host.wait(*exchanges)
        assert {exchange.status for exchange in exchanges} == {OK}
    assert session.pools[0] == keys
    assert session.pools[3] == FACTS
