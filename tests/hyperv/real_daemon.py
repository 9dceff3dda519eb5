"""Debian's real ``hv_kvp_daemon`` under the emulated host, away from this machine."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from tests.hyperv.host import KvpHost
from tests.hyperv.tools import daemon_program, preload_library

# The daemon knows one place for its pools, and asks programs about the network. In its own mount
# namespace both are ours: /var/lib holds nothing but the pools, the programs are not there, and
# neither is the socket of this machine's log. An empty network namespace keeps it from waiting for
# name servers while it looks for its own full name.
_START = """
set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir /var/lib/hyperv
mount --bind "$1" /var/lib/hyperv
if [ -d /usr/libexec/hypervkvpd ]; then mount -t tmpfs tmpfs /usr/libexec/hypervkvpd; fi
exec env PATH=/nonexistent LD_PRELOAD="$3" "$2" -n
"""

_END_TIMEOUT = 10  # seconds


class RealDaemon:
    """The daemon, from start to end. A context manager.

    :param host: whose socket is the daemon's device.
    :param pool_dir: where its pool files appear; not below /run or /var/lib.
    """

    def __init__(self, host: KvpHost, pool_dir: Path) -> None:
        self.host = host
        self.pool_dir = pool_dir
        self._process: subprocess.Popen[bytes] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed with the daemon

    def __enter__(self) -> RealDaemon:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._log.close()

    def start(self) -> None:
        """Start it and wait until it has registered.

        :raises NoAnswerError: it does not register.
        """
        before = self.host.engine.registrations
        library = str(preload_library())
        arguments = [str(self.pool_dir), str(daemon_program()), library]
        isolation = ["unshare", "--mount", "--net", "--ipc", "--propagation", "private"]
        # The library is for the daemon alone, not for the shell that makes its world.
        environment = {"KVP_SOCKET": str(self.host.socket_path)}
        self._process = subprocess.Popen(
            [*isolation, "sh", "-c", _START, "sh", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env={"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), **environment},
            start_new_session=True,
        )
        self.host.wait_registered(before + 1)

    @property
    def pid(self) -> int:
        """The daemon's process: ``exec`` all the way down, so it is the one that was started."""
        assert self._process is not None
        return self._process.pid

    def is_running(self) -> bool:
        """Tell whether it lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it; calling it twice does no harm."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(_END_TIMEOUT)
        self._process = None

    def log(self) -> str:
        """What it has said so far."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")
