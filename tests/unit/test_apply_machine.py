"""Programs that the applying program starts: they may hang, and the boot may not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from datasource_hyperv_kvp.apply import ssh_keys
from datasource_hyperv_kvp.apply.database import Account
from datasource_hyperv_kvp.apply.errors import ApplyError
from datasource_hyperv_kvp.apply.machine import Machine

#: Seconds: longer than any test, shorter than for ever.
LONG = 120.0


def is_gone(pid: int) -> bool:
    """Whether a process has ended; who has to fetch its status is another question."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_what_a_program_says_and_how_it_ends(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    result = machine.try_run(["sh", "-c", "echo out; printf 'a\\377' >&2; exit 3"])
    assert (result.returncode, result.stdout, result.stderr) == (
        3,
        "out\n",
        "a\N{REPLACEMENT CHARACTER}",
    )
    assert machine.run(["sh", "-c", "umask; echo $LC_ALL; cat"]) == "0022\nC\n"
    with pytest.raises(ApplyError, match="ended with 1: no such thing"):
        machine.run(["sh", "-c", "echo no such thing >&2; exit 1"])
    with pytest.raises(ApplyError, match="not installed"):
        machine.run(["no-such-program"])


def test_more_than_a_pipe_holds_is_read(tmp_path: Path) -> None:
    assert len(Machine(tmp_path).run(["head", "-c", "1000000", "/dev/zero"])) == 1_000_000


def test_a_process_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    ended = threading.Event()
    said: list[str] = []

    def run() -> None:
        said.append(Machine(tmp_path).run(["sh", "-c", f"sleep {LONG:.0f} & echo $!"]))
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(LONG / 2)
    os.kill(int(said[0]), signal.SIGKILL)


def test_a_program_that_takes_too_long_is_killed_with_all_that_it_has_started(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    script = f"sleep {LONG:.0f} & echo $$ $! > {pids}; wait"
    with pytest.raises(ApplyError, match="sh did not end within"):
        Machine(tmp_path, timeout=1.0).run(["sh", "-c", script])
    deadline = time.monotonic() + LONG / 2
    for pid in map(int, pids.read_text().split()):
        while not is_gone(pid):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; " + (
        "from datasource_hyperv_kvp.apply.machine import Machine; "
        "Machine(Path(sys.argv[1])).log('nobody reads this')"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], stderr=writer, check=False
    )
    os.close(writer)
    assert done.returncode == 0


def test_a_home_that_does_not_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account("me", os.getuid(), os.getgid(), "", str(tmp_path), "/bin/sh")
    monkeypatch.setattr(ssh_keys, "_write_as", lambda *_: time.sleep(LONG))
    with pytest.raises(ApplyError, match="could not be written within"):
        ssh_keys.write(account, ["key"], timeout=0.1)
