"""One QEMU process: a virtual machine from power on to power off, and the lines of its port.

Emulated (TCG): KVM opens on some machines and hangs.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.boot.world import World

#: Seconds; a machine that shares its processors with others is slow.
BOOT_TIMEOUT = 600.0
COMMAND_TIMEOUT = 240.0

#: Everything that makes an emulated processor slow and that no test looks at.
KERNEL_ARGUMENTS = (
    "root=/dev/nvme0n1 rw console=ttyS0 net.ifnames=0 mitigations=off nokaslr audit=0 nowatchdog"
    " random.trust_cpu=on tsc=reliable transparent_hugepage=never init_on_alloc=0 psi=0"
    " randomize_kstack_offset=off 8250.nr_uarts=1 quiet systemd.show_status=yes"
    # A library at the same address in every process is translated once. systemd would translate
    # and check a BPF program if there were the security module for it.
    " norandmaps lsm=capability cryptomgr.notests"
    # A kernel that panics ends the machine, and so the scenario.
    " panic=-1"
)

#: For a machine with SELinux, enforcing. Of two lists of security modules the last counts.
SELINUX = " lsm=capability,selinux selinux=1 enforcing=1"

#: For a machine with a second disk. The kernel gives NVMe disks their names in any order, so the
#: second is of another kind, for which it wants a module.
SECOND_DISK = " init=/usr/lib/lab/drivers.sh"


class LabError(Exception):
    """A guest did not do what it has to do for a test to begin at all."""


class RebootedError(LabError):
    """The guest rebooted before it answered."""


@dataclass(frozen=True)
class Answer:
    """What a command in the guest gave."""

    code: int
    out: str
    err: str


class Machine:
    """A running virtual machine.

    :param directory: for the console log and the socket.
    :param kernel: what QEMU starts: a kernel, or a boot loader that looks like one.
    :param arguments: for the kernel.
    :param drives: disk files, the root file system first.
    :param reboots: whether a reboot is part of the test; if not, it ends the machine.
    """

    def __init__(
        self,
        directory: Path,
        world: World,
        kernel: Path,
        drives: Sequence[Path],
        *,
        arguments: str = KERNEL_ARGUMENTS,
        network: str = "",
        watch: tuple[str, ...] = (),
        reboots: bool = False,
    ) -> None:
        self.directory = directory
        self.console = directory / "console.log"
        self.events: list[dict[str, Any]] = []
        self.boots = 0  #: how often the guest has come up since power on
        self.booted_after = 0.0
        self.processor_time = 0.0  #: of the whole life, once that is over
        self._answers: dict[int, queue.Queue[dict[str, Any]]] = {}
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._numbers = iter(range(1, 1 << 30))
        self._world = world
        self._watch = watch
        self.ended = threading.Event()
        socket_path = Path("/tmp") / f"lab-{directory.name[:40]}-{time.monotonic_ns():x}"
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(socket_path))
        listener.listen(1)
        self.started = time.monotonic()
        if len(drives) > 1:
            arguments += SECOND_DISK
        with (directory / "qemu.log").open("ab") as log:
            command = _command(world, kernel, arguments, drives, self.console, socket_path, network)
            self._process = subprocess.Popen(
                command if reboots else [*command, "-no-reboot"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        listener.settimeout(30)
        try:
            self._port, _ = listener.accept()
        except OSError as error:
            self._process.kill()
            raise LabError(f"QEMU did not start; see {directory / 'qemu.log'}") from error
        finally:
            listener.close()
            socket_path.unlink()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def elapsed(self) -> float:
        """Give the seconds since power on."""
        return time.monotonic() - self.started

    def is_running(self) -> bool:
        """Tell whether QEMU lives."""
        return self._process.poll() is None

    def run(
        self, *command: str, stdin: bytes = b"", check: bool = True, timeout: float = 0
    ) -> Answer:
        """Run a command in the guest.

        :raises LabError: no answer in time, or ``check`` and it failed.
        """
        import base64

        reply = self._ask(
            "run",
            timeout or COMMAND_TIMEOUT,
            argv=list(command),
            stdin=base64.b64encode(stdin).decode(),
        )
        answer = Answer(
            reply["code"],
            base64.b64decode(reply["out"]).decode("utf-8", "replace"),
            base64.b64decode(reply["err"]).decode("utf-8", "replace"),
        )
        if check and answer.code != 0:
            raise LabError(f"{' '.join(command)}: exit {answer.code}: {answer.err or answer.out}")
        return answer

    def device(self) -> dict[str, Any]:
        """Ask the emulated driver what was answered, what is left, what the guest told the host."""
        return self._ask("ask", COMMAND_TIMEOUT)

    def say(self, **message: object) -> None:
        """Send a line to the agent."""
        self._port.sendall(json.dumps(message).encode() + b"\n")

    def wait_for(
        self, wanted: Mapping[str, object], timeout: float = BOOT_TIMEOUT
    ) -> dict[str, Any]:
        """Wait until the guest says something that holds all of ``wanted``.

        :raises LabError: it does not in time, or the machine went down.
        """
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            while seen < len(self.events):
                event = self.events[seen]
                seen += 1
                if all(event.get(key) == value for key, value in wanted.items()):
                    return event
            try:
                if self._events.get(timeout=max(0.0, deadline - time.monotonic())) is None:
                    self._events.put(None)
                    if seen == len(self.events):
                        raise LabError(self._down(f"before {dict(wanted)}"))
            except queue.Empty:
                raise LabError(f"{dict(wanted)} did not happen in {timeout:.0f} s") from None

    def wait_booted(self) -> None:
        """Wait until systemd has nothing more to do.

        :raises LabError: it has not in time.
        """
        self.wait_for({"event": "up"})
        while True:
            try:
                state = self.run(
                    "systemctl", "is-system-running", "--wait", check=False, timeout=BOOT_TIMEOUT
                )
                break
            except RebootedError:  # an Ignition config may ask for one reboot
                continue
        if state.out.strip() not in ("running", "degraded"):
            raise LabError(f"systemd says {state.out.strip()!r} at the end of the boot")
        self.booted_after = time.monotonic() - self.started

    def off(self) -> None:
        """Cut the power."""
        if self.is_running():
            self.processor_time = self.elapsed_processor_time()
        self._process.kill()
        self._process.wait()
        self._reader.join(10)
        self.ended.set()
        self._port.close()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Hold the machine: its disks are then what a power cut at this moment would leave."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            # A thread that is writing stops when that is done.
            while not all(state == "T" for state in self._states()):
                if not self.is_running():
                    raise LabError(self._down("before it could be held"))
                time.sleep(0.01)
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def shut_down(self) -> None:
        """Write everything to the disk, then cut the power: faster than stopping every service."""
        self.run("sync")
        self.off()

    def elapsed_processor_time(self) -> float:
        """Give the seconds that processors of this machine have spent on the guest."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _states(self) -> list[str]:
        states = []
        for thread in Path(f"/proc/{self._process.pid}/task").glob("*/stat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                states.append(thread.read_text().rsplit(")", 1)[1].split()[0])
        return states

    def _down(self, when: str) -> str:
        panic = re.search("Kernel panic.*", self.console.read_text("utf-8", "replace"))
        return f"the machine went down {when}" + (f": {panic.group().strip()}" if panic else "")

    def _ask(self, kind: str, timeout: float, **message: object) -> dict[str, Any]:
        number = next(self._numbers)
        answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._answers[number] = answers
        boots = self.boots
        self.say(**{kind: number}, **message)
        deadline = time.monotonic() + timeout
        while True:
            try:
                return answers.get(timeout=0.5)
            except queue.Empty:
                if not self.is_running():
                    raise LabError(self._down(f"before it answered to {message}")) from None
                if self.boots != boots:
                    raise RebootedError(
                        f"the machine rebooted before it answered to {message}"
                    ) from None
                if time.monotonic() > deadline:
                    raise LabError(f"no answer in {timeout:.0f} s to {message}") from None
            finally:
                if not answers.empty():
                    del self._answers[number]

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                if not select.select([self._port], [], [], 1.0)[0]:
                    if not self.is_running():
                        break
                    continue
                data = self._port.recv(1 << 16)
            except OSError:
                break
            if not data:
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                with contextlib.suppress(ValueError):  # cut off by a reboot
                    self._take(json.loads(line))
        self.ended.set()
        self._events.put(None)

    def _take(self, message: dict[str, Any]) -> None:
        if "done" in message:
            self._answers[message["done"]].put(message)
            return
        if message.get("event") == "up":
            self.boots += 1
            self.say(**self._world.message())
            if self._watch:
                self.say(watch=list(self._watch))
        message["after"] = time.monotonic() - self.started
        self.events.append(message)
        self._events.put(message)


def _command(
    world: World,
    kernel: Path,
    arguments: str,
    drives: Iterable[Path],
    console: Path,
    port: Path,
    network: str,
) -> list[str]:
    firmware = world.firmware
    command = [
        "qemu-system-x86_64",
        *("-accel", "tcg,thread=multi", "-cpu", "Nehalem,-hypervisor", "-smp", "1", "-m", "768"),
        *("-machine", "pc,usb=off,vmport=off,hpet=off", "-nodefaults", "-no-user-config"),
        *("-display", "none"),
        *("-serial", f"file:{console}"),
        *("-kernel", str(kernel), *(("-append", arguments) if arguments else ())),
        *("-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=control,path={port}"),
        *("-device", "virtserialport,chardev=control,name=lab.control"),
        *(
            "-smbios",
            _smbios(1, manufacturer=firmware.vendor, product=firmware.product, uuid=firmware.uuid),
        ),
        *("-smbios", _smbios(3, manufacturer=firmware.vendor, asset=firmware.asset_tag)),
    ]
    for number, drive in enumerate(drives):
        device = "virtio-blk-pci" if number else "nvme,serial=root"
        command += [
            *("-drive", f"file={drive},if=none,id=d{number},format=raw,cache=unsafe"),
            *("-device", f"{device},drive=d{number}"),
        ]
    if network:
        command += ["-netdev", f"user,id=net,{network}", "-device", "virtio-net-pci,netdev=net"]
    return command


def _smbios(kind: int, **values: str) -> str:
    fields = (f"{name}={value.replace(',', ',,')}" for name, value in values.items() if value)
    return ",".join((f"type={kind}", *fields))
