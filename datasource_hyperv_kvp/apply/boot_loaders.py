"""The boot loaders that this program can give kernel arguments to."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import files
from .machine import Machine
from .plan import Contents

KNOWN = ("systemd-boot", "GRUB with grubby", "GRUB with grub-mkconfig")

#: systemd-boot says its name here (``systemd-boot(7)``, LoaderInfo): UTF-16 after four bytes.
LOADER_INFO = Path("/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f")
#: Where a boot loader entry may stand, by the Boot Loader Specification and common practice.
ENTRY_DIRS = tuple(Path(f"{base}/loader/entries") for base in ("/boot", "/efi", "/boot/efi"))
#: What kernel-install gives to later kernels.
KERNEL_CMDLINE = Path("/etc/kernel/cmdline")

GRUB_CONFIGS = (Path("/boot/grub/grub.cfg"), Path("/boot/grub2/grub.cfg"))
GRUB_DEFAULT = Path("/etc/default/grub")
GRUB_SNIPPET = Path("/etc/default/grub.d/99-ignition.cfg")

#: What is written here outside /boot; programs of the system see to their own files.
FILES = (GRUB_DEFAULT, GRUB_SNIPPET, KERNEL_CMDLINE)

#: By one of these an entry for rescue is known: Debian's, Ubuntu's.
RESCUE = frozenset(("single", "recovery"))

#: Characters that mean something to GRUB's own shell, into which arguments are pasted as they are.
GRUB_SPECIAL = frozenset("\"'\\$;&|<>{}#`*?")


class Loader:
    """A boot loader, and how its kernel arguments are read and written."""

    name = ""

    def refuses(self, argument: str) -> str | None:
        """Why the argument cannot be given to a kernel this way, or None."""
        return "it holds a line end" if "\n" in argument else None

    def lines(self, machine: Machine) -> list[str]:
        """The arguments of every kernel that it offers, rescue entries aside."""
        raise NotImplementedError

    def write(self, add: Sequence[str], remove: Sequence[str], machine: Machine) -> None:
        """Bring the arguments to all kernels, now and after updates. Raises ApplyError."""
        raise NotImplementedError


def find(machine: Machine) -> Loader | None:
    """The one that boots this machine; None if it is none of those known here."""
    entries = entry_files()
    if entries and _is_systemd_boot():
        return SystemdBoot()
    if machine.has("grubby"):
        return Grubby()
    for config in GRUB_CONFIGS:
        for program in ("update-grub", "grub-mkconfig", "grub2-mkconfig"):
            if config.exists() and machine.has(program):
                return Grub(config, program)
    return SystemdBoot() if entries and not any(map(Path.exists, GRUB_CONFIGS)) else None


def _is_systemd_boot() -> bool:
    try:
        return "systemd-boot" in LOADER_INFO.read_bytes()[4:].decode("utf-16-le", "replace")
    except OSError:
        return False


def entry_files() -> list[Path]:
    return sorted(path for directory in ENTRY_DIRS for path in directory.glob("*.conf"))


@dataclass(frozen=True)
class SystemdBoot(Loader):
    """Entries of the Boot Loader Specification: their ``options`` lines, joined."""

    name = "systemd-boot"

    def lines(self, machine: Machine) -> list[str]:
        return [_options(path) for path in entry_files()]

    def write(self, add: Sequence[str], remove: Sequence[str], machine: Machine) -> None:
        for path in entry_files():
            kept = [line for line in _text(path).splitlines() if not _is_options(line)]
            kept.append(f"options {changed(_options(path), add, remove)}")
            _rewrite(path, "\n".join(kept) + "\n")
            machine.point("entry written")
        if KERNEL_CMDLINE.exists():
            _rewrite(KERNEL_CMDLINE, changed(_text(KERNEL_CMDLINE), add, remove) + "\n")


@dataclass(frozen=True)
class Grubby(Loader):
    """Fedora, RHEL and their kin."""

    name = "grubby"

    def lines(self, machine: Machine) -> list[str]:
        output = machine.run(["grubby", "--info=ALL"])
        return [
            line[len("args=") :].strip('"')
            for line in output.splitlines()
            if line.startswith("args=")
        ]

    def write(self, add: Sequence[str], remove: Sequence[str], machine: Machine) -> None:
        command = ["grubby", "--update-kernel=ALL"]
        command += [f"--remove-args={' '.join(remove)}"] if remove else []
        command += [f"--args={' '.join(add)}"] if add else []
        machine.run(command)


@dataclass(frozen=True)
class Grub(Loader):
    """GRUB whose menu ``grub-mkconfig`` writes: Debian, Ubuntu, SUSE, Arch."""

    config: Path
    program: str
    name = "GRUB"

    def refuses(self, argument: str) -> str | None:
        special = sorted(GRUB_SPECIAL & set(argument))
        if special:
            return f"GRUB's configuration gives {' '.join(special)} a meaning of its own"
        return super().refuses(argument)

    def lines(self, machine: Machine) -> list[str]:
        kernels = [
            " ".join(words[2:])
            for words in (line.split() for line in _text(self.config).splitlines())
            if len(words) > 2 and words[0] in ("linux", "linux16", "linuxefi")
        ]
        return [line for line in kernels if not RESCUE & {*line.split()}] or kernels

    def write(self, add: Sequence[str], remove: Sequence[str], machine: Machine) -> None:
        snippet = str(GRUB_SNIPPET)
        files.replace_file(snippet, (Contents(data=grub_snippet(add, remove).encode()),))
        machine.point("snippet written")
        if not _reads_snippets(machine) and snippet not in _text(GRUB_DEFAULT):
            # Only Debian's grub-mkconfig reads grub.d; both read this file as a shell script.
            _rewrite(GRUB_DEFAULT, f"{_text(GRUB_DEFAULT).rstrip()}\n. {snippet}\n")
        command = [self.program]
        if self.program != "update-grub":
            command += ["-o", str(self.config)]
        machine.run(command)


def grub_snippet(add: Sequence[str], remove: Sequence[str]) -> str:
    """A piece of ``/etc/default/grub``, a shell script: read last, it has the last word."""
    lines = [
        "# Kernel arguments of this machine's Ignition config.",
        "_ignition_without() {",
        '    _ignition_line=" $1 "',
        '    while case "$_ignition_line" in *" $2 "*) true ;; *) false ;; esac; do',
        '        _ignition_line="${_ignition_line%%" $2 "*} ${_ignition_line#*" $2 "}"',
        "    done",
        "}",
    ]
    for argument in remove:
        for variable in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT"):
            lines.append(f'_ignition_without "${{{variable}:-}}" {shlex.quote(argument)}')
            lines.append(f"{variable}=$_ignition_line")
    for argument in add:
        word = shlex.quote(argument)
        both = '" ${GRUB_CMDLINE_LINUX:-} ${GRUB_CMDLINE_LINUX_DEFAULT:-} "'
        lines.append(f'case {both} in *" "{word}" "*) ;;')
        lines.append(f'*) GRUB_CMDLINE_LINUX="${{GRUB_CMDLINE_LINUX:-}} "{word} ;; esac')
    return "\n".join(lines) + "\n"


def changed(line: str, add: Sequence[str], remove: Sequence[str]) -> str:
    """A line of arguments without ``remove`` and with ``add``, whole tokens."""
    text = f" {' '.join(line.split())} "
    for argument in remove:
        token = f" {' '.join(argument.split())} "
        while token in text:
            text = text.replace(token, " ", 1)
    for argument in add:
        token = f" {' '.join(argument.split())} "
        if token not in text:
            text = text.rstrip() + token
    return text.strip()


def _reads_snippets(machine: Machine) -> bool:
    """Whether this grub-mkconfig reads ``/etc/default/grub.d``."""
    for program in ("grub-mkconfig", "grub2-mkconfig"):
        if machine.has(program):
            script = Path(machine.run(["sh", "-c", f"command -v {program}"]).strip())
            return b"default/grub.d" in script.read_bytes()
    return True


def _is_options(line: str) -> bool:
    return line.split(None, 1)[:1] == ["options"]


def _options(path: Path) -> str:
    lines = (line.split(None, 1) for line in _text(path).splitlines() if _is_options(line))
    return " ".join(words[1] for words in lines if len(words) == 2)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


def _rewrite(path: Path, text: str) -> None:
    """In one rename, mode kept: a power cut leaves the old file or the new one."""
    mode = path.stat().st_mode & 0o7777 if path.exists() else files.FILE_MODE
    data = text.encode("utf-8", "surrogateescape")
    files.replace_file(str(path), (Contents(data=data),), mode=mode)
