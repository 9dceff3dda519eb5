"""Kernel arguments: whole tokens in the configuration of whatever boots this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from . import boot_loaders, files
from .boot_loaders import Loader
from .errors import ApplyError, Finding
from .handler import Handler, Run
from .journal import State
from .machine import Machine
from .nodes import first_missing
from .outlook import Outlook
from .system_steps import KernelArguments

COMMAND_LINE = Path("/proc/cmdline")

#: In the state directory once a boot loader's configuration was changed.
CHANGED = "kernel-arguments-changed"


def contains(line: str, argument: str) -> bool:
    """Whether the argument stands in the line, token for token (``a`` is not in ``ab=a``)."""
    return f" {' '.join(argument.split())} " in f" {' '.join(line.split())} "


def is_satisfied(step: KernelArguments, line: str) -> bool:
    return all(contains(line, argument) for argument in step.should_exist) and not any(
        contains(line, argument) for argument in step.should_not_exist
    )


def needs_boot(step: KernelArguments, state_dir: Path) -> bool:
    """Whether they were changed and the kernel runs without the change."""
    return (state_dir / CHANGED).exists() and not is_satisfied(step, running_command_line())


def running_command_line(path: Path = COMMAND_LINE) -> str:
    """That of the running kernel; empty where /proc is not there to ask."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


class KernelArgumentsHandler(Handler[KernelArguments]):
    """Changes only what the next boot reads; the last step asks for that boot."""

    def check(self, step: KernelArguments, outlook: Outlook) -> Iterator[Finding]:
        loader = boot_loaders.find(outlook.machine)
        if loader is None:
            # Without a loader of its own, as in a direct boot, the host may have said it all.
            if not is_satisfied(step, running_command_line()):
                yield Finding(
                    step.at,
                    "no boot loader that is known is set up on this machine"
                    f" ({', '.join(boot_loaders.KNOWN)})",
                    "set the arguments in the image or on the host, and remove them here",
                )
            return
        for argument in step.should_exist:
            reason = loader.refuses(argument)
            if reason:
                yield Finding(f"{step.at}.shouldExist", f"{argument!r}: {reason}")

    def before(self, step: KernelArguments, run: Run) -> State:
        # What SELinux has to label afterwards.
        return {"made": sorted({first_missing(str(path)) for path in boot_loaders.FILES})}

    def apply(self, step: KernelArguments, before: State, run: Run) -> None:
        loader = boot_loaders.find(run.machine)
        if loader is None or _holds(step, loader, run.machine):
            run.machine.log("the kernel's arguments are as they should be")
            return
        files.write_private(run.machine.state_dir / CHANGED, loader.name + "\n")
        loader.write(step.should_exist, step.should_not_exist, run.machine)
        if not _holds(step, loader, run.machine):
            raise ApplyError(
                f"{loader.name} did not take the kernel arguments",
                advice="look at its configuration; an argument may come from elsewhere in it",
            )


def _holds(step: KernelArguments, loader: Loader, machine: Machine) -> bool:
    lines = loader.lines(machine)
    return bool(lines) and all(is_satisfied(step, line) for line in lines)
