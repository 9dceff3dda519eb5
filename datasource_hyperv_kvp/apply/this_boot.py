"""The last step: the running boot catches up with the files, or one reboot does.

Nothing here waits for a unit: inside a stage of cloud-init that could wait for ever.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

from . import cycles, plan, superseded
from .effects import Effects, effects
from .errors import ApplyError, Finding
from .first_boot import EARLY_TARGETS, Decision, decide
from .handler import Handler, Run
from .journal import State
from .kernel_arguments import needs_boot
from .machine import Machine
from .outlook import Outlook
from .paths import NodeKind, kind_at
from .surroundings import forgets
from .system_steps import KernelArguments, Presets, ThisBoot, Unit
from .systemd import Systemd, is_running
from .units import UNIT_DIR, dropin_path, unit_path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

#: What generators have made; gone with the boot.
GENERATED = tuple(Path(f"/run/systemd/generator{tail}") for tail in ("", ".early", ".late"))

#: Pulls in the units of the config, all in one transaction, so that their order holds.
STARTER = Path("/run/systemd/system/ignition-units.target")

#: Seconds that a shutdown may take until it reaches this process.
REBOOT_TIMEOUT = 300.0

#: ``systemd.unit(5)``: the names that units may have.
UNIT_NAME = re.compile(
    r"[A-Za-z0-9:_.\\@-]+"
    r"\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"
)

#: Helpers of systemd that stand beside it, not on the path.
HELPERS = (Path("/usr/lib/systemd"), Path("/lib/systemd"))


class ThisBootHandler(Handler[ThisBoot]):
    """Journaled with the boot's id: another boot has read everything by itself."""

    def __init__(self, reboot_timeout: float = REBOOT_TIMEOUT) -> None:
        self._reboot_timeout = reboot_timeout

    def check(self, step: ThisBoot, outlook: Outlook) -> Iterator[Finding]:
        units = [*_unit_files(outlook)]
        units += [unit for unit in outlook.steps if isinstance(unit, Unit)]
        choices = {
            name: enable
            for presets in outlook.steps
            if isinstance(presets, Presets)
            for name, enable in presets.choices()
        }
        if units:
            yield from cycles.findings(units, choices)

    def before(self, step: ThisBoot, run: Run) -> State:
        return {"boot": boot_id()}

    def renew(self, step: ThisBoot, before: State, run: Run) -> State:
        return self.before(step, run)

    def apply(self, step: ThisBoot, before: State, run: Run) -> None:
        superseded.drop(run.plan, run.machine)  # before anybody reads them once more
        if not is_running():
            run.machine.log("systemd does not run here: nothing is started")
            return
        if before["boot"] != boot_id():
            return
        touched = effects(written_paths(run))
        reasons = [f"{path} is read only while booting" for path in touched.reboot]
        reasons += _kernel_argument_reasons(run)
        decision = Decision()
        if not reasons:
            decision = self._decide(touched, run)
            for note in decision.notes:
                run.machine.log(note)
            reasons += decision.reboot
        if reasons:
            self._reboot(reasons, run)
        tell(touched, run.machine)
        _queue(decision, run.machine)

    def _decide(self, touched: Effects, run: Run) -> Decision:
        systemd = Systemd(run.machine)
        if not touched.units:
            return Decision()
        generated = _generated()
        systemd.reload()
        new = {name for name, text in _generated().items() if generated.get(name) != text}
        choices = [
            choice
            for step in run.plan.steps
            if isinstance(step, Presets)
            for choice in step.choices()
        ]
        units = [step for step in run.plan.steps if isinstance(step, Unit)]
        changed = {step.name for step in units if step.contents is not None or step.dropins}
        changed |= {name for path in written_paths(run) for name in [_unit_of(path)] if name}
        masked = {step.name for step in units if step.mask}
        disabled = {name for name, enable in choices if not enable}
        candidates = new | {name for name, enable in choices if enable} | _wanted() | changed
        # Templates are no units, and a link in a .wants directory may have any name.
        names = {
            name
            for name in candidates | masked | disabled
            if "@." not in name and UNIT_NAME.fullmatch(name)
        }
        states = systemd.show(names)
        pulls = {other for name in changed if name in states for other in states[name].pulls}
        # Slices come by themselves with what runs in them.
        pulled = {name for name in pulls if not name.endswith(".slice")}
        states.update(systemd.show(pulled - set(states)))
        around = {other for state in states.values() for other in state.pulled_by}
        states.update(systemd.show((around | EARLY_TARGETS) - set(states)))
        return decide(
            states,
            queued=systemd.queued(),
            candidates=(candidates | pulled) & set(states),
            changed=changed,
            masked=masked,
            disabled=disabled,
        )

    def _reboot(self, reasons: list[str], run: Run) -> None:
        """Ask for it and hold still: whatever ran on would be cut off half-way.

        The journal has this boot's id; the next boot finds another one and goes on.
        """
        for reason in reasons:
            run.machine.log(f"one reboot is needed: {reason}")
        if forgets(run.machine.state_dir):
            raise ApplyError(
                "a reboot is needed, and this machine's disk forgets everything at a reboot",
                advice="do in the image what needs one",
            )
        run.machine.run(["systemctl", "--no-block", "reboot"])
        run.machine.point("reboot")
        time.sleep(self._reboot_timeout)
        raise ApplyError(
            f"the machine did not go down within {self._reboot_timeout:.0f} s of systemctl reboot",
            advice="reboot it by hand; the config is in place",
        )


def _unit_files(outlook: Outlook) -> Iterator[Unit]:
    """Units that the config writes as plain files."""
    for step in outlook.steps:
        if isinstance(step, plan.File) and step.contents and step.contents.staged is None:
            directory, _slash, name = outlook.paths[step.path].rpartition("/")
            if directory == UNIT_DIR and UNIT_NAME.fullmatch(name):
                yield Unit(at=step.at, name=name, contents=step.contents)


def boot_id(path: Path = BOOT_ID) -> str:
    """The kernel's name for this boot; empty where /proc is not there to ask."""
    return path.read_text(encoding="ascii").strip() if path.exists() else ""


def written_paths(run: Run) -> list[str]:
    """What files and links the plan has put where, resolved."""
    paths = []
    for step in run.plan.steps:
        if isinstance(step, plan.Node) and not isinstance(step, plan.Directory):
            paths.append(run.paths[step.path])
        elif isinstance(step, Unit):
            paths += [unit_path(step.name)]
            paths += [dropin_path(step.name, dropin.name) for dropin in step.dropins]
        elif isinstance(step, Presets):
            paths.append(UNIT_DIR)
    return paths


def _unit_of(path: str) -> str | None:
    """The unit whose file or drop-in stands at ``path``."""
    name, _slash, below = path[len(UNIT_DIR) + 1 :].partition("/")
    if not path.startswith(f"{UNIT_DIR}/") or not UNIT_NAME.fullmatch(name.removesuffix(".d")):
        return None
    return name[:-2] if below and name.endswith(".d") else None if below else name


def _kernel_argument_reasons(run: Run) -> list[str]:
    for step in run.plan.steps:
        if isinstance(step, KernelArguments) and needs_boot(step, run.machine.state_dir):
            return ["the kernel's arguments have changed"]
    return []


def _generated() -> dict[str, str]:
    """Unit -> its text, of what generators have made."""
    found = {}
    for directory in GENERATED:
        for path in directory.glob("*") if directory.is_dir() else ():
            if kind_at(str(path)) is NodeKind.FILE:
                found[path.name] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _wanted() -> set[str]:
    """Units that a link in the machine's own configuration ties to another."""
    found: set[str] = set()
    for kind in ("wants", "requires", "upholds"):
        found.update(path.name for path in Path(UNIT_DIR).glob(f"*.{kind}/*"))
    return found


def tell(touched: Effects, machine: Machine) -> None:
    """Let each reader read again. As in a boot, one that fails stops nothing."""
    commands: list[list[str]] = []
    if touched.sysusers:
        commands.append(["systemd-sysusers", *_present(touched.sysusers)])
    if touched.tmpfiles:
        files = _present(touched.tmpfiles)
        commands.append(["systemd-tmpfiles", "--create", "--remove", "--boot", *files])
    for name, concerned in (
        ("systemd-modules-load", touched.modules),
        ("systemd-sysctl", touched.sysctl),
        ("systemd-binfmt", touched.binfmt),
    ):
        if concerned:
            commands.append([_helper(name)])
    if touched.udev:
        commands.append(["udevadm", "control", "--reload"])
        commands += [
            ["udevadm", "trigger", f"--type={kind}", "--action=add"]
            for kind in ("subsystems", "devices")
        ]
    if touched.netplan and machine.has("netplan"):
        commands.append(["netplan", "generate"])
    commands += [["systemctl", "--no-block", "try-restart", name] for name in touched.services]
    for command in commands:
        try:
            machine.run(command)
        except ApplyError as error:
            machine.warn(f"as in a boot, this stops nothing: {error}")


def _present(paths: tuple[str, ...]) -> list[str]:
    """Those that are files: a link to /dev/null masks another file, and there is nothing to run."""
    return [path for path in paths if Path(path).is_file()] or ["/dev/null"]


def _helper(name: str) -> str:
    for directory in HELPERS:
        if (directory / name).exists():
            return str(directory / name)
    return name


def _queue(decision: Decision, machine: Machine) -> None:
    systemd = Systemd(machine)
    systemd.queue("stop", decision.stop)
    if decision.start:
        machine.log(f"starting {', '.join(sorted(decision.start))}")
        STARTER.parent.mkdir(parents=True, exist_ok=True)
        STARTER.write_text(
            "[Unit]\nDescription=Units of the Ignition config\nDefaultDependencies=no\n"
            + "".join(f"Wants={name}\n" for name in sorted(decision.start)),
            encoding="utf-8",
        )
        systemd.queue("start", [STARTER.name])
    systemd.queue("try-restart", decision.restart)
