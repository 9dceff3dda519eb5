"""What a scenario works with: disks, boots, and guests that can be asked things."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.boot.image import Image, make_image
from tests.boot.machine import KERNEL_ARGUMENTS, LabError, Machine
from tests.boot.world import World

#: Seconds between two lines that say how far a boot is.
PROGRESS_INTERVAL = 15.0

#: What a failed boot leaves behind, as far as the guest can still be asked.
EVIDENCE = {
    "cloud-init.log": "cat /var/log/cloud-init.log",
    "cloud-init-output.log": "cat /var/log/cloud-init-output.log",
    "ds-identify.log": "cat /run/cloud-init/ds-identify.log",
    "journal.txt": "journalctl --boot --no-pager --output=short-monotonic",
    "status.txt": "cloud-init status --long",
    "diagnose.txt": "hyperv-kvp diagnose",
    "result.json": "cat /run/cloud-init/status.json /run/cloud-init/result.json",
}

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[!]?[a-z]|\r")


class Guest:
    """A booted machine, in a scenario's words."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def run(self, *command: str, check: bool = True, stdin: bytes = b"") -> str:
        """Give a command's standard output.

        :raises LabError: it failed, and ``check``.
        """
        return self.machine.run(*command, check=check, stdin=stdin).out

    def sh(self, script: str, *, check: bool = True) -> str:
        """Give the output of a line of shell."""
        return self.run("sh", "-c", script, check=check)

    def read(self, path: str) -> str:
        """Give a file's text.

        :raises LabError: it is not there.
        """
        return self.run("cat", path)

    def exists(self, path: str) -> bool:
        """Tell whether something is there."""
        return self.machine.run("test", "-e", path, check=False).code == 0

    def status(self) -> tuple[str, str]:
        """Give cloud-init's verdict: its word, and the whole of ``--long``."""
        text = self.run("cloud-init", "status", "--long", check=False)
        extended = re.search(r"^extended_status: (.*)$", text, re.M)
        plain = re.search(r"^status: (.*)$", text, re.M)
        found = extended or plain
        return (found.group(1) if found else "?"), text

    def diagnose(self) -> dict[str, Any]:
        """Give the diagnosis; its text form must say the same sentence."""
        facts: dict[str, Any] = json.loads(
            self.run("hyperv-kvp", "diagnose", "--format", "json", check=False)
        )
        return facts

    def datasource(self) -> str:
        """Name the datasource that this boot used, as ``/run/cloud-init/result.json`` has it."""
        result = json.loads(self.read("/run/cloud-init/result.json"))
        return str(result["v1"]["datasource"] or "")

    def openers(self) -> list[str]:
        """Name the programs that opened the device, in order; ``(busy)``: it was refused."""
        return [
            str(event["who"]) + (" (busy)" if event["event"] == "busy" else "")
            for event in self.machine.events
            if event.get("event") in ("open", "busy")
        ]

    def shut_down(self) -> None:
        """Write everything to the disk and end."""
        self.machine.shut_down()


class Lab:
    """One scenario on one release.

    :param directory: for its disks and logs; what is left there after a failure is the evidence.
    :param package: the project's Debian package.
    :param say: prints a line of progress.
    """

    def __init__(
        self, release: str, directory: Path, package: Path, say: Callable[[str], None]
    ) -> None:
        self.release = release
        self.directory = directory
        self.say = say
        self.boots = 0
        self._package = package
        self._machines: list[Machine] = []
        self._kernel: Path | None = None

    def disk(
        self,
        name: str = "root",
        *,
        daemon: bool = False,
        selinux: bool = False,
        files: Mapping[str, str | bytes] | None = None,
    ) -> Path:
        """Give a fresh disk with the project installed.

        :param daemon: with Hyper-V's KVP daemon, as Debian packages it.
        :param selinux: with SELinux, if it is started with :data:`tests.boot.machine.SELINUX`.
        :param files: what is put on it beforehand, by path.
        """
        image: Image = make_image(
            self.release, daemon=daemon, package=self._package, selinux=selinux
        )
        self._kernel = image.kernel
        disk = self.directory / f"{name}.raw"
        copy(image.disk, disk)
        if files:
            write_files(disk, files)
        return disk

    def clone(self, disk: Path, name: str) -> Path:
        """Give a copy of a disk, as somebody makes one of a template."""
        target = self.directory / f"{name}.raw"
        copy(disk, target)
        return target

    def start(
        self,
        disk: Path,
        world: World,
        *,
        drives: Iterable[Path] = (),
        network: str = "",
        watch: Iterable[str] = (),
        loader: Path | None = None,
        arguments: str = "",
    ) -> Machine:
        """Switch a machine on and return at once.

        :param loader: a boot loader that finds the kernel on the disk; then the machine may reboot.
        :param arguments: more of them for the kernel.
        :param watch: paths; the machine says ``{"seen": path}`` when one comes into being.
        """
        assert self._kernel is not None
        self.boots += 1
        directory = self.directory / f"boot-{self.boots}"
        directory.mkdir()
        machine = Machine(
            directory,
            world,
            loader or self._kernel,
            [disk, *drives],
            arguments="" if loader else KERNEL_ARGUMENTS + arguments,
            network=network,
            watch=tuple(watch),
            reboots=loader is not None,
        )
        self._machines.append(machine)
        threading.Thread(target=self._report, args=(machine, self.boots), daemon=True).start()
        return machine

    def boot(
        self,
        disk: Path,
        world: World,
        *,
        drives: Iterable[Path] = (),
        network: str = "",
        loader: Path | None = None,
        arguments: str = "",
    ) -> Guest:
        """Boot a machine to the end.

        :raises LabError: it does not get there.
        """
        machine = self.start(
            disk, world, drives=drives, network=network, loader=loader, arguments=arguments
        )
        machine.wait_booted()
        self.say(
            f"boot {self.boots} is up after {machine.booted_after:.0f} s "
            f"({machine.elapsed_processor_time():.0f} s of processor time)"
        )
        return Guest(machine)

    def processor_time(self) -> float:
        """Give the seconds that processors have spent on the guests that are off."""
        return sum(machine.processor_time for machine in self._machines)

    def keep_evidence(self) -> None:
        """Save what tells why a scenario failed."""
        for machine in self._machines:
            if not machine.is_running():
                continue
            for name, script in EVIDENCE.items():
                try:
                    answer = machine.run("sh", "-c", script, check=False, timeout=60)
                    (machine.directory / name).write_text(answer.out + answer.err)
                except (LabError, OSError):
                    break
        for disk in self.directory.glob("*.raw"):
            logs = self.directory / f"{disk.stem}-var-log"
            logs.mkdir(exist_ok=True)
            request = f'rdump /var/log "{logs}"'
            subprocess.run(
                ["debugfs", "-R", request, str(disk)],
                check=False,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def close(self, *, keep: bool) -> None:
        """End what still runs; disks go in any case, logs unless ``keep``."""
        for machine in self._machines:
            machine.off()
        for disk in self.directory.glob("*.raw"):
            disk.unlink()
        if not keep:
            shutil.rmtree(self.directory)

    def _report(self, machine: Machine, number: int) -> None:
        while not machine.ended.wait(PROGRESS_INTERVAL):
            if machine.booted_after:
                return
            self.say(f"boot {number}: {machine.elapsed():.0f} s: {last_line(machine.console)}")


def last_line(console: Path) -> str:
    """Give the last line of a console log that says something."""
    try:
        with console.open("rb") as file:
            file.seek(max(0, console.stat().st_size - 4096))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return "switched on"
    lines = [line.strip() for line in _ANSI.sub("", text).split("\n")]
    said = [line for line in lines if len(line) > 3]
    return said[-1][:90] if said else "switched on"


def copy(source: Path, target: Path) -> None:
    """Copy a disk, holes and all."""
    subprocess.run(["cp", "--sparse=always", "--", str(source), str(target)], check=True)


def write_files(disk: Path, files: Mapping[str, str | bytes]) -> None:
    """Put files into a file system without mounting it; their directories are made.

    :raises LabError: debugfs complains.
    """
    with tempfile.TemporaryDirectory() as name:
        lines = []
        for number, (path, content) in enumerate(files.items()):
            source = Path(name) / str(number)
            data = content.encode() if isinstance(content, str) else content
            source.write_bytes(data)
            source.chmod(0o755 if data.startswith((b"#!", b"\x7fELF")) else 0o644)
            for parent in list(Path(path).parents)[-2::-1]:
                lines.append(f"mkdir {parent}")
            lines.append(f"rm {path}")
            lines.append(f"write {source} {path}")
        script = Path(name) / "script"
        script.write_text("\n".join(lines) + "\n")
        subprocess.run(
            ["debugfs", "-w", "-f", str(script), str(disk)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for path in files:
            shown = subprocess.run(
                ["debugfs", "-R", f"stat {path}", str(disk)],
                check=True,
                capture_output=True,
                text=True,
            )
            if "Inode:" not in shown.stdout:
                raise LabError(f"debugfs could not write {path}: {shown.stderr}")
