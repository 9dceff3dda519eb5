"""The daemon's lock, held by another process: a process does not see its own POSIX locks."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from datasource_hyperv_kvp.errors import PoolFileError
from datasource_hyperv_kvp.kvp import pool_path, read_pool_dir, read_pool_file, write_pool_files
from datasource_hyperv_kvp.kvp.lock import locked
from datasource_hyperv_kvp.kvp.poolfile import read_bytes
from tests.hyperv.simulation import Time

# Locks the file as the daemon does, tears it, says so, and mends it when told to go on.
_HOLDER = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.lockf(fd, fcntl.LOCK_EX)
content = os.read(fd, 1 << 20)
os.ftruncate(fd, 100)
print("locked", flush=True)
sys.stdin.readline()
os.pwrite(fd, content, 0)
"""


@contextmanager
def _another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        try:
            yield holder
        finally:
            holder.kill()


def _let_go(holder: subprocess.Popen[str]) -> None:
    holder.communicate("go on\n")


def test_a_reader_waits_for_the_writer_and_sees_its_whole_work(tmp_path: Path) -> None:
    write_pool_files(tmp_path, {0: {"key": "value"}})
    with _another_process(pool_path(tmp_path, 0)) as holder:
        timer = threading.Timer(0.1, _let_go, [holder])
        timer.start()
        assert read_pool_dir(tmp_path, lock_timeout=30)[0] == {"key": "value"}
        timer.join()


def test_a_lock_that_is_never_left_is_an_error_after_the_bounded_wait(tmp_path: Path) -> None:
    write_pool_files(tmp_path, {0: {"key": "value"}})
    path = pool_path(tmp_path, 0)
    time = Time()
    with _another_process(path):
        with pytest.raises(PoolFileError) as caught:
            read_bytes(path, lock_timeout=3, clock=time.clock, sleep=time.sleep)
        assert "another process has kept it locked for 3 s" in str(caught.value)
        assert str(path) in str(caught.value)
        assert 1003 <= time.now < 1003.1
        with pytest.raises(PoolFileError, match="locked"):
            read_pool_file(path, lock_timeout=0)


def test_a_file_that_was_replaced_while_we_waited_is_opened_anew(tmp_path: Path) -> None:
    write_pool_files(tmp_path, {0: {"key": "old"}})
    path = pool_path(tmp_path, 0)
    time = Time()
    with _another_process(path) as holder:
        time.after(0.1, lambda: write_pool_files(tmp_path, {0: {"key": "new"}}))
        time.after(0.2, lambda: _let_go(holder))
        with locked(path, timeout=5, clock=time.clock, sleep=time.sleep) as fd:
            assert path.samefile(f"/dev/fd/{fd}")
        assert read_pool_dir(tmp_path)[0] == {"key": "new"}


def test_a_writer_waits_for_the_lock_too(tmp_path: Path) -> None:
    write_pool_files(tmp_path, {0: {"key": "value"}})
    path = pool_path(tmp_path, 0)
    writer = locked(path, to_write=True, timeout=0)
    with _another_process(path), pytest.raises(PoolFileError, match="locked"), writer:
        pass
