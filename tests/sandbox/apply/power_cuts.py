"""Runs in a guest: cuts the power at every point of an application, finishes the job, compares.

Each try has an overlay of its own over the guest's root, and a process that dies at the chosen
point without running another line of Python. Prints ``{"points": [...], "differences": {...}}``.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, "/opt/ignition")
from ignition_apply.execute import execute  # type: ignore[import-not-found]  # only in the guest
from ignition_apply.journal import Journal  # type: ignore[import-not-found]  # only in the guest
from ignition_apply.machine import Machine  # type: ignore[import-not-found]  # only in the guest
from ignition_apply.plan import Plan  # type: ignore[import-not-found]  # only in the guest

WORK = Path("/cuts")
STATE = Path("/state")
#: Where the plan may leave something.
LOOKED_AT = ("/boot", "/etc", "/home", "/opt", "/root", "/srv", "/var/mail", "/var/roothome")


def main() -> None:
    plan = Plan.from_text(Path("/plan.json").read_text())
    points = attempt(plan, None, finish=False)["points"]
    reference = attempt(plan, None, finish=False)["tree"]
    differences = {}
    for number, point in enumerate(points):
        tree = attempt(plan, number, finish=True)["tree"]
        if tree != reference:
            changed = {
                path for path in {*tree, *reference} if tree.get(path) != reference.get(path)
            }
            differences[f"{number} {point}"] = sorted(changed)
    json.dump({"points": points, "differences": differences}, sys.stdout)


def attempt(plan: Any, cut: int | None, *, finish: bool) -> Any:
    """One fresh machine: the power goes at the point numbered ``cut``; then a second boot."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        enter_fresh_root()
        points: list[str] = []
        if finish:
            first = os.fork()
            if first == 0:
                run(plan, lambda name: die_at(points, name, cut))
                os._exit(0)
            os.waitpid(first, 0)
            run(plan, lambda name: None)
        else:
            run(plan, points.append)
        with os.fdopen(writer, "w") as pipe:
            json.dump({"points": points, "tree": tree()}, pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text)


def die_at(points: list[str], name: str, cut: int | None) -> None:
    if len(points) == cut:
        os._exit(9)
    points.append(name)


def run(plan: Any, point: Callable[[str], None]) -> None:
    STATE.mkdir(mode=0o700, exist_ok=True)
    machine = Machine(STATE, log=lambda line: None, sync=lambda: None, point=point)
    execute(plan, machine, Journal(STATE / "journal"))


def enter_fresh_root() -> None:
    unshare_mounts()
    WORK.mkdir(exist_ok=True)
    script = (
        "mount -t tmpfs cuts /cuts; cd /cuts; mkdir upper work root; "
        "mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work root root; "
        "mount --bind /proc root/proc; mount --bind /dev root/dev"
    )
    subprocess.run(["sh", "-euc", script], check=True)
    os.chroot("/cuts/root")
    os.chdir("/")


def unshare_mounts() -> None:
    """Mounts that end with this process. Python has os.unshare from 3.12 on only."""
    clone_newns = 0x00020000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newns) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def tree() -> dict[str, str]:
    """Every path with its type, mode, owner, links and contents, but not its times."""
    found = {}
    for directory, names, files in (entry for top in LOOKED_AT for entry in os.walk(top)):
        for name in (*names, *files):
            path = Path(directory, name)
            status = path.lstat()
            what = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
            if stat.S_ISREG(status.st_mode):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                what += f" {status.st_nlink} {digest}"
            elif stat.S_ISLNK(status.st_mode):
                what += f" -> {path.readlink()}"
            found[str(path)] = what
    return found


if __name__ == "__main__":
    main()
