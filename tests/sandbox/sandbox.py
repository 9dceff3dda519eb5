"""A throw-away Debian guest without a kernel of its own, in which the real cloud-init runs.

The guest's root is an overlay over a cached root file system, in memory. Each boot gets mount,
process, network, host-name and IPC name spaces of its own with a private /dev, /proc, /run and a
made-up /sys; only there does anything run. systemd does not run: ``systemctl`` works offline.

Power off and on again, and the guest finds its disk as it left it and everything else fresh.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.sandbox.platforms import HYPERV, Machine, write_sys
from tests.tools.rootfs import make_rootfs

POWER_ON = Path(__file__).with_name("power_on.sh")
#: Seconds that any single program in a guest may take.
TIMEOUT = 120.0
#: cloud-init's stages, as its units call them on every supported version.
STAGES = {
    "local": ("init", "--local"),
    "network": ("init",),
    "config": ("modules", "--mode=config"),
    "final": ("modules", "--mode=final"),
}
#: What a guest without a kernel, disks and locales cannot do, and one host key instead of four.
SANDBOX_CFG = """\
# The sandbox's own: no disk to grow, no locales to make, no time for slow host keys.
growpart: {mode: "off"}
resize_rootfs: false
ssh_genkeytypes: [ed25519]
locale: C.UTF-8
"""
#: Rights that would reach the machine's own kernel.
DROPPED = "-sys_module,-sys_time,-sys_rawio,-sys_boot,-mknod,-syslog"
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
}


class SandboxError(Exception):
    """The sandbox itself failed, or a program in it failed that was not expected to."""


@dataclass(frozen=True)
class Result:
    """What a program in the guest left."""

    command: tuple[str, ...]
    code: int
    out: str
    err: str
    seconds: float

    def json(self) -> Any:
        """Parse standard output as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Boot:
    """One run of all of cloud-init's stages, by the stage's name."""

    stages: Mapping[str, Result] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """How long all stages took."""
        return sum(stage.seconds for stage in self.stages.values())

    @property
    def output(self) -> str:
        """What all stages printed: the console."""
        return "".join(stage.out + stage.err for stage in self.stages.values())


@dataclass(frozen=True)
class Status:
    """``cloud-init status --long --format json``, which differs between versions."""

    code: int
    data: Mapping[str, Any]

    @property
    def clean(self) -> bool:
        """Nothing went wrong: done, exit code 0, no error in any stage, not degraded."""
        errors = bool(self.data.get("errors")) or bool(self.data.get("recoverable_errors"))
        return self.code == 0 and self.data["status"] == "done" and not errors

    @property
    def text(self) -> str:
        """Everything that it says."""
        return json.dumps(self.data, ensure_ascii=False, indent=1)


class Sandbox:
    """A guest; use it as a context manager.

    :param release: Debian release, one of ``tests.tools.rootfs.RELEASES``.
    :param machine: what the guest's firmware says.
    :param layers: directories that lie over the root file system, the topmost first: an installed
        package, say. They are not changed.
    :param interfaces: network interfaces the guest has beside ``lo``.
    :param rootfs: another root file system instead of the cached one of ``release``.
    """

    def __init__(
        self,
        release: str,
        *,
        machine: Machine = HYPERV,
        layers: Sequence[Path] = (),
        interfaces: Sequence[str] = ("eth0",),
        rootfs: Path | None = None,
    ) -> None:
        self.release = release
        self.machine = machine
        self.interfaces = tuple(interfaces)
        self._lower = [*layers, rootfs or make_rootfs(release)]
        self._disk: subprocess.Popen[str] | None = None
        self._power: subprocess.Popen[str] | None = None
        self._first = 0
        self._boots = 0
        self._work = Path("/nonexistent")

    # -- life ----------------------------------------------------------------------------------

    def __enter__(self) -> Sandbox:
        self._temporary = tempfile.TemporaryDirectory(prefix="kvp-sandbox-")
        self._work = Path(self._temporary.name)
        try:
            self._insert_disk()
            self.write("/etc/cloud/cloud.cfg.d/00_sandbox.cfg", SANDBOX_CFG)
            self.power_on()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the guest and throw its disk away."""
        self.power_off()
        if self._disk is not None:
            _end(self._disk)
            self._disk = None
        self._temporary.cleanup()

    def _insert_disk(self) -> None:
        """Mount the overlay, in a mount name space that lasts as long as the sandbox."""
        lower = ":".join(str(layer) for layer in self._lower)
        script = (
            "set -eu; cd $1; mount -t tmpfs -o mode=0755 disk .; cd $1; mkdir upper work root; "
            'mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" root root; '
            "echo ready; exec cat >/dev/null"
        )
        unshare = ["unshare", "-mn", "--propagation=private"]
        self._disk = _start([*unshare, "sh", "-c", script, "sh", str(self._work), lower])

    def power_on(self) -> None:
        """Start the guest's first process, with fresh name spaces, /dev, /proc, /sys and /run."""
        if self._power is not None:
            raise SandboxError("the sandbox is already on")
        assert self._disk is not None
        with tempfile.TemporaryDirectory(prefix="kvp-sandbox-sys-") as firmware:
            write_sys(self.machine, Path(firmware))
            enter = ["nsenter", f"--target={self._disk.pid}", "--mount", "--root"]
            unshare = ["unshare", "-mpnui", "--fork", "--kill-child", "--propagation=private"]
            script = ["sh", str(POWER_ON), str(self._work / "root"), firmware]
            self._power = _start([*enter, *unshare, *script])
        pid = self._power.pid
        self._first = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
        self._boots += 1
        for number, interface in enumerate(self.interfaces):
            self._plug_in(interface, f"00:15:5d:00:00:{number:02x}")
        self.run(["hostname", self.read("/etc/hostname").strip() or "localhost"])

    def _plug_in(self, interface: str, address: str) -> None:
        """Give the guest a network interface; the cable's far end is the disk's name space."""
        assert self._disk is not None
        far = f"{interface}-{self._boots}"
        command = ["nsenter", f"--target={self._disk.pid}", "--net", "ip", "link", "add", far]
        command += ["type", "veth", "peer", "name", interface, "address", address]
        done = subprocess.run(
            [*command, "netns", str(self._first)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SandboxError(f"cannot make the network interface {interface}: {done.stderr}")

    def power_off(self) -> None:
        """Pull the plug: every process is killed at once; the disk stays."""
        if self._power is not None:
            _end(self._power)
            self._power = None

    def power_cycle(self) -> None:
        """Power off and on."""
        self.power_off()
        self.power_on()

    # -- programs ------------------------------------------------------------------------------

    def command(self, arguments: Sequence[str], user: str = "root") -> list[str]:
        """Return the command line by which this machine runs a program in the running guest."""
        if self._power is None:
            raise SandboxError("the sandbox is off")
        command = ["nsenter", f"--target={self._first}", "-m", "-p", "-n", "-u", "-i", "--root"]
        command += ["chroot", str(self._work / "root")]
        command += ["setpriv", f"--bounding-set={DROPPED}"]
        if user != "root":
            command += ["runuser", "--user", user, "--"]
        return [*command, *arguments]

    def start(
        self,
        arguments: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start a program in the guest and do not wait for it; it ends with the power."""
        return subprocess.Popen(
            self.command(arguments, user),
            env={**ENVIRONMENT, **(env or {})},
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=pass_fds,
            cwd="/",
        )

    def run(
        self,
        arguments: Sequence[str],
        *,
        user: str = "root",
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = TIMEOUT,
        check: bool = True,
    ) -> Result:
        """Run a program in the guest and wait for it.

        :raises SandboxError: it took longer than ``timeout`` seconds (the power is then off), or
            ``check`` was asked for and it failed.
        """
        start = time.monotonic()
        try:
            done = subprocess.run(
                self.command(arguments, user),
                env={**ENVIRONMENT, **(env or {})},
                input=stdin.encode("utf-8", "surrogateescape"),
                capture_output=True,
                timeout=timeout,
                cwd="/",
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            self.power_off()
            seen = (error.stdout or b"") + (error.stderr or b"")
            raise SandboxError(
                f"{' '.join(arguments)}: not done after {timeout} s; it printed:\n"
                + seen.decode(errors="replace")
            ) from error
        result = Result(
            tuple(arguments),
            done.returncode,
            done.stdout.decode("utf-8", "surrogateescape"),
            done.stderr.decode("utf-8", "surrogateescape"),
            time.monotonic() - start,
        )
        if check and result.code != 0:
            raise SandboxError(
                f"{' '.join(arguments)}: exit code {result.code}\n{result.out}{result.err}"
            )
        return result

    # -- cloud-init ----------------------------------------------------------------------------

    def cloud_init(
        self,
        *arguments: str,
        check: bool = True,
        user: str = "root",
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run the guest's ``cloud-init`` command."""
        return self.run(["cloud-init", *arguments], check=check, user=user, env=env)

    def boot(self, *, stages: Iterable[str] = STAGES, env: Mapping[str, str] | None = None) -> Boot:
        """Run cloud-init's stages as systemd would, whatever their exit codes."""
        return Boot({name: self.cloud_init(*STAGES[name], check=False, env=env) for name in stages})

    def status(self) -> Status:
        """Ask cloud-init how it went."""
        result = self.cloud_init("status", "--long", "--format=json", check=False)
        try:
            return Status(result.code, result.json())
        except ValueError as error:
            raise SandboxError(f"no status: {result.out}{result.err}") from error

    def query(self, *arguments: str, user: str = "root") -> str:
        """Return what ``cloud-init query`` prints, without the closing newline."""
        return self.cloud_init("query", *arguments, user=user).out.rstrip("\n")

    def log(self) -> str:
        """Return cloud-init's log."""
        return self.read("/var/log/cloud-init.log")

    def complaints(self) -> str:
        """Return the warnings and errors of cloud-init's log, with their tracebacks."""
        lines = re.split(r"(?m)^(?=\d{4}-\d\d-\d\d )", self.log())
        return "".join(line for line in lines if re.search(r"\[(WARNING|ERROR|CRITICAL)\]", line))

    # -- files ---------------------------------------------------------------------------------

    @property
    def root(self) -> Path:
        """The guest's disk as this machine can walk it, also while the power is off.

        Absolute symbolic links lead out of it: use ``lstat`` and ``readlink``, or ``read``.
        """
        assert self._disk is not None
        return Path(f"/proc/{self._disk.pid}/root{self._work}/root")

    @property
    def changes(self) -> Path:
        """The overlay's upper layer: what differs from the root file system."""
        return self.root.with_name("upper")

    def read(self, path: str) -> str:
        """Read a file as the running guest sees it, links followed, /run included.

        :raises SandboxError: there is none.
        """
        return self.run(["cat", path]).out

    def exists(self, path: str) -> bool:
        """Tell whether the running guest has this path; a dangling link counts."""
        test = '[ -e "$1" ] || [ -L "$1" ]'
        return self.run(["sh", "-c", test, "sh", path], check=False).code == 0

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """Write a file of root's onto the guest's disk, with its parent directories."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a process that says ``ready`` and then lives until its standard input closes."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    if process.stdout.readline() != "ready\n":
        error = process.stderr.read()
        _end(process)
        raise SandboxError(f"cannot make the sandbox (root and name spaces are needed): {error}")
    return process


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
