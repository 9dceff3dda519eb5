"""Debian's real ``hv_kvp_daemon`` writes the pool files, and our reader reads them."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from datasource_hyperv_kvp.kvp import (
    GuestSystem,
    Pools,
    Record,
    Settings,
    Source,
    pool_path,
    read,
    read_pool_dir,
    read_pool_file,
    write_pool_files,
)
from datasource_hyperv_kvp.kvp.daemon import State, find
from datasource_hyperv_kvp.kvp.freshness import empty_pools, empty_stale_pools
from datasource_hyperv_kvp.kvp.poolfile import as_pool
from datasource_hyperv_kvp.kvp.port import FilePort
from datasource_hyperv_kvp.payload import assemble, encode, is_complete
from tests.hyperv.engine import NO_MORE_ITEMS, OK
from tests.hyperv.host import KvpHost
from tests.hyperv.real_daemon import RealDaemon

FACTS = {"VirtualMachineName": "web-1", "HostName": "hv01"}
READS = 10_000
#: How many states of the file, and how many whole documents, have to be among what is read.
STATES = 200
DOCUMENTS = 5


@pytest.fixture
def host(tmp_path: Path) -> Iterator[KvpHost]:
    with KvpHost(tmp_path / "kvp.sock") as host:
        yield host


@pytest.fixture
def pool_dir(tmp_path: Path) -> Path:
    directory = tmp_path / "pools"
    directory.mkdir()
    return directory


@pytest.fixture
def daemon(host: KvpHost, pool_dir: Path) -> Iterator[RealDaemon]:
    with RealDaemon(host, pool_dir) as daemon:
        yield daemon
        assert daemon.is_running(), daemon.log()


def _settings(pool_dir: Path, **times: float) -> Settings:
    return Settings(pool_dir=pool_dir, device=pool_dir / "no-device", **times)


@pytest.fixture
def guest(tmp_path: Path) -> GuestSystem:
    """This machine's processes, and otherwise nothing of it: no mark of ours gets into its /run."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "proc").symlink_to("/proc")
    return GuestSystem(root=root)


# -- what is sent is what is read ------------------------------------------------------------------


def test_sets_are_read_as_they_were_sent(host: KvpHost, daemon: RealDaemon, pool_dir: Path) -> None:
    keys = {
        "short": "value",
        "empty": "",
        "utf-8": "Grüße, 世界 🌍",
        "k" * 511: "v" * 2047,
        "with spaces and \t\r\n": " \t\r\n",
        "bytes": "\udcff\udc80",
    }
    host.set_keys(0, keys)
    host.set_keys(3, FACTS)
    pools = read_pool_dir(pool_dir)
    assert pools == {0: keys, 1: {}, 2: {}, 3: FACTS, 4: {}}
    assert list(pools[0]) == list(keys)


def test_an_update_with_a_shorter_value_leaves_nothing_of_the_longer_one(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path
) -> None:
    host.set_keys(0, {"a": "x" * 900, "b": "y" * 2047})
    host.set_keys(0, {"a": "short", "b": ""})
    # The daemon does leave it in the file, behind the NUL: this is the trap, not an assumption.
    assert b"short\0xxx" in pool_path(pool_dir, 0).read_bytes()
    assert read_pool_dir(pool_dir)[0] == {"a": "short", "b": ""}


def test_deleted_keys_are_gone_and_the_others_keep_their_order(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path
) -> None:
    host.set_keys(0, {key: key for key in "abcde"})
    assert host.delete(0, "c") == OK
    assert host.delete(0, "a") == OK
    assert host.delete(0, "a") == NO_MORE_ITEMS
    assert read_pool_file(pool_path(pool_dir, 0)) == [Record(key, key) for key in "bde"]


def test_a_long_row_of_sets_updates_and_deletes_comes_out_the_same(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path
) -> None:
    expected: dict[str, str] = {}
    for step in range(400):
        key = f"key.{step * 7 % 40}"
        if step % 5 == 4 and key in expected:
            assert host.delete(0, key) == OK
            del expected[key]
        else:
            assert host.set(0, key, f"{step}" * (step % 60)) == OK
            expected[key] = f"{step}" * (step % 60)
        if step % 20 == 0:
            assert read_pool_dir(pool_dir)[0] == expected
    assert read_pool_dir(pool_dir)[0] == expected
    assert host.enumerate(0) == expected


def test_a_restarted_daemon_keeps_what_was_there_which_is_why_freshness_matters(
    host: KvpHost, pool_dir: Path
) -> None:
    with RealDaemon(host, pool_dir):
        host.set_keys(0, {"template": "x"})
    with RealDaemon(host, pool_dir):
        host.set_keys(0, {"clone": "y"})
    assert read_pool_dir(pool_dir)[0] == {"template": "x", "clone": "y"}


def test_pools_emptied_before_the_daemon_starts_hold_this_boot_alone_and_stay_private(
    host: KvpHost, pool_dir: Path, tmp_path: Path
) -> None:
    with RealDaemon(host, pool_dir):
        host.set_keys(0, {"template": "x"})
    empty_pools(pool_dir, root=tmp_path / "root")
    with RealDaemon(host, pool_dir):
        host.set_keys(0, {"clone": "y"})
    assert read_pool_dir(pool_dir)[0] == {"clone": "y"}
    assert stat.S_IMODE(pool_path(pool_dir, 0).stat().st_mode) == 0o600
    # The trap, without us: what the daemon makes itself everybody can read.
    assert stat.S_IMODE(pool_path(pool_dir, 4).stat().st_mode) == 0o644


def test_stale_pools_can_be_emptied_under_a_daemon_that_runs_already(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path, tmp_path: Path
) -> None:
    host.set_keys(0, {"template": "x"})
    path = pool_path(pool_dir, 0)
    yesterday = path.stat().st_mtime - 24 * 3600
    os.utime(path, (yesterday, yesterday))
    young = GuestSystem(root=tmp_path / "root", uptime=lambda: 20.0)
    assert empty_stale_pools(pool_dir, young) == [0]
    host.set_keys(0, {"clone": "y"})
    assert read_pool_dir(pool_dir)[0] == {"clone": "y"}
    assert host.enumerate(0) == {"clone": "y"}


def test_what_we_wrote_from_the_device_a_daemon_that_starts_later_goes_on_with(
    host: KvpHost, pool_dir: Path
) -> None:
    write_pool_files(pool_dir, {0: {"key": "value"}, 3: FACTS})
    with RealDaemon(host, pool_dir):
        assert host.enumerate(0) == {"key": "value"}
        host.set_keys(0, {"more": "x"})
    assert read_pool_dir(pool_dir)[0] == {"key": "value", "more": "x"}
    assert stat.S_IMODE(pool_path(pool_dir, 0).stat().st_mode) == 0o600


# -- the whole reader ------------------------------------------------------------------------------


def test_a_running_daemon_is_seen(daemon: RealDaemon, guest: GuestSystem) -> None:
    found = find(guest.root)
    assert found.state is State.RUNNING
    assert "hv_kvp_daemon is running" in found.detail


def test_the_reader_waits_for_the_burst_and_ends_with_the_manifest(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path, guest: GuestSystem
) -> None:
    documents = {"cloud-init.user-data": "#cloud-config\n" + "# padding\n" * 3000}
    keys = encode(documents)
    threading.Timer(0.3, lambda: host.queue_keys(0, keys)).start()
    host.set_keys(3, FACTS)
    reading = read(_settings(pool_dir, timeout=30, settle=10), is_complete=is_complete, host=guest)
    assert reading.source is Source.POOL_FILES
    assert reading.pools[0] == keys
    assert assemble(reading.pools).user_data == documents["cloud-init.user-data"]
    assert reading.reasons[-1] == "every document of the manifest is there"


def test_keys_in_reverse_order_with_an_update_in_the_middle(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path, guest: GuestSystem
) -> None:
    keys = encode({"ignition.config": '{"ignition":{"version":"3.4.0"}}' + " " * 20_000})
    backwards = dict(reversed(list(keys.items())))
    middle = list(backwards)[len(backwards) // 2]
    host.queue_keys(0, {middle: "of an earlier document"})
    host.queue_keys(0, backwards)
    reading = read(_settings(pool_dir, timeout=30, settle=10), is_complete=is_complete, host=guest)
    assert reading.pools[0] == keys


# -- never torn ------------------------------------------------------------------------------------


class Rewriter:
    """A host that sets a document's chunks to the next generation, one after the other, for ever.

    A chunk says nothing but its generation, from one end to the other, so that half a write shows.
    The daemon rewrites the file for every chunk: a whole file holds chunks of at most two
    generations that follow each other, the newer ones first. The manifest comes last.
    """

    CHUNKS = 12

    def __init__(self, host: KvpHost) -> None:
        self.host = host
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.host.set_keys(0, self.keys(0))

    @staticmethod
    def chunk(generation: int) -> str:
        return f"{generation:08}" * 120

    @classmethod
    def keys(cls, generation: int) -> Mapping[str, str]:
        chunk = cls.chunk(generation)
        text = chunk * cls.CHUNKS
        document = {"chunks": cls.CHUNKS, "sha256": hashlib.sha256(text.encode()).hexdigest()}
        manifest = {"version": 1, "documents": {"cloud-init.user-data": document}}
        keys = {f"cloud-init.user-data.{number}": chunk for number in range(cls.CHUNKS)}
        return {**keys, "cloud-init.manifest": json.dumps(manifest)}

    def __enter__(self) -> Rewriter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for generation in itertools.count(1):
            if self._stop.is_set():
                return
            self.host.set_keys(0, self.keys(generation))


def test_ten_thousand_reads_while_the_daemon_rewrites_never_see_a_torn_file(
    host: KvpHost, daemon: RealDaemon, pool_dir: Path
) -> None:
    path = pool_path(pool_dir, 0)
    keys = list(Rewriter.keys(0))
    newest: list[int] = []
    states: set[tuple[int, ...]] = set()
    documents: set[int] = set()
    # The file has to be rewritten while it is read, or all this would say nothing: a busy machine
    # gets more reads, not a lower bound.
    number = 0
    with Rewriter(host):
        while number < READS or (
            number < 20 * READS and (len(states) <= STATES or len(documents) <= DOCUMENTS)
        ):
            number += 1
            records = read_pool_file(path)
            assert [record.key for record in records] == keys, f"read {number} lacks keys"
            generations = [int(record.value[:8]) for record in records[:-1]]
            for record, generation in zip(records, generations):
                assert record.value == Rewriter.chunk(generation), f"read {number}: {record.key}"
            # In one state of the file: the newer chunks first, and no third generation.
            assert generations == sorted(generations, reverse=True), f"read {number}"
            assert generations[0] - generations[-1] <= 1, f"read {number}"
            # From one state to the next: nothing goes back.
            assert newest <= generations, f"read {number} is older than the one before"
            newest = generations
            states.add(tuple(generations))
            # A document is of one generation, or there is none.
            text = assemble({0: as_pool(records)}).user_data
            if text is not None:
                documents.add(generations[0])
                assert text == Rewriter.chunk(generations[0]) * Rewriter.CHUNKS
    assert len(states) > STATES
    assert len(documents) > DOCUMENTS


# -- our own reader of the device in the daemon's place -------------------------------------------


def test_the_device_read_and_the_daemon_give_the_same_pools(tmp_path: Path, pool_dir: Path) -> None:
    keys = encode({"ignition.config": "ü" * 5000, "cloud-init.user-data": "#cloud-config\n"})

    def through_the_daemon() -> Pools:
        with KvpHost(tmp_path / "a.sock") as host, RealDaemon(host, pool_dir):
            host.set_keys(3, FACTS)
            host.set_keys(0, keys)
            return read_pool_dir(pool_dir)

    def through_our_reader() -> Pools:
        device = tmp_path / "hv_kvp"
        device.touch()
        with KvpHost(tmp_path / "b.sock") as host:
            host.queue_keys(3, FACTS)
            host.queue_keys(0, keys)
            reading = read(
                Settings(pool_dir=tmp_path / "other", device=device),
                is_complete=is_complete,
                host=GuestSystem(
                    root=tmp_path / "root", open_device=lambda _: FilePort(host.connect())
                ),
            )
        assert reading.source is Source.DEVICE
        return reading.pools

    assert through_our_reader() == through_the_daemon()
    assert read_pool_dir(tmp_path / "other") == read_pool_dir(pool_dir)
