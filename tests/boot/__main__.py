"""The boot lab: ``python -m tests.boot [RELEASE|SCENARIO|fast]... [--jobs N] [--keep]``.

Boots real Debian guests whose firmware says Hyper-V, with an emulated key-value exchange, and looks
at what became of them. Without arguments everything; ``fast`` is the set that runs before every
change; names of releases and scenarios narrow it down.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.boot import scenarios
from tests.boot.image import MACHINE_PACKAGES, boot_dir, make_image, make_package
from tests.boot.lab import Lab
from tests.boot.registry import ALL, SCENARIOS, Scenario
from tests.tools import debian
from tests.tools.steps import SetupError, main_guard

FAST = "fast"
_print_lock = threading.Lock()


@dataclass(frozen=True)
class Outcome:
    """How one scenario on one release went; ``fault`` is empty if it passed."""

    name: str
    fault: str
    boots: int
    seconds: float
    processor_time: float


def chosen(names: list[str]) -> list[tuple[Scenario, str]]:
    """Give the scenarios and releases that the arguments ask for.

    :raises SetupError: an argument is no name.
    """
    for name in names:
        if name not in ALL and name not in SCENARIOS and name != FAST:
            known = ", ".join((*ALL, FAST, *SCENARIOS))
            raise SetupError(f"no release or scenario {name!r}; there are {known}")
    releases = [name for name in names if name in ALL] or list(ALL)
    wanted = [SCENARIOS[name] for name in names if name in SCENARIOS] or list(SCENARIOS.values())
    # Those of many boots first, so that the end is not one long one alone.
    wanted.sort(key=lambda scenario: -scenario.boots)
    return [
        (scenario, release)
        for scenario in wanted
        for release in releases
        if release in (scenario.fast if FAST in names else scenario.releases)
    ]


def play(scenario: Scenario, release: str, package: Path, *, keep: bool) -> Outcome:
    """Play a scenario; whatever goes wrong in it is its outcome."""
    name = f"{release} {scenario.name}"

    def say(line: str) -> None:
        with _print_lock:
            print(f"    [{name}] {line}", flush=True)

    directory = boot_dir() / "runs" / f"{release}-{scenario.name}"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    lab = Lab(release, directory, package, say)
    started = time.monotonic()
    fault = ""
    try:
        scenario.play(lab)
    except Exception as error:  # noqa: BLE001 - as every test runner: the others go on
        where = traceback.extract_tb(error.__traceback__)
        line = next((each for each in reversed(where) if "scenarios" in each.filename), where[-1])
        fault = f"{type(error).__name__} in {Path(line.filename).name}:{line.lineno}: {error}"
        lab.keep_evidence()
        fault += f"\n    What the guest left: {directory}"
    finally:
        lab.close(keep=keep or bool(fault))
    outcome = Outcome(name, fault, lab.boots, time.monotonic() - started, lab.processor_time())
    verdict = "FAILED" if fault else "passed"
    figures = (
        f"{lab.boots} boots, {outcome.seconds:.0f} s, {outcome.processor_time:.0f} s of processors"
    )
    say(f"{verdict} ({figures})" + (f"\n{fault}" if fault else ""))
    return outcome


def make_images(release: str, package: Path) -> None:
    """Make both disks of a release.

    :raises SetupError: one cannot be made.
    """
    for daemon in (False, True):
        make_image(release, daemon=daemon, package=package)


def main(arguments: list[str]) -> int:
    """Play what is asked for; 0 if all of it passed."""
    parser = argparse.ArgumentParser(prog="tests.boot", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="RELEASE|SCENARIO|fast")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--keep", action="store_true", help="keep logs of what passed, too")
    parser.add_argument("--list", action="store_true", help="show the scenarios")
    options = parser.parse_args(arguments)
    scenarios.load()
    if options.list:
        for scenario in SCENARIOS.values():
            print(f"{scenario.name:28} {', '.join(scenario.releases):24} {scenario.summary}")
        return 0
    try:
        todo = chosen(options.names)
        debian.install(MACHINE_PACKAGES)
        package = make_package()
        with ThreadPoolExecutor(options.jobs) as pool:
            releases = dict.fromkeys(release for _, release in todo)
            list(pool.map(lambda release: make_images(release, package), releases))
    except SetupError as error:
        return main_guard(error)
    print(f"==> {len(todo)} scenarios, {options.jobs} at a time, each boot about half a minute")
    started = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [pool.submit(play, *each, package, keep=options.keep) for each in todo]
        outcomes = [future.result() for future in as_completed(futures)]
    failed = [outcome for outcome in outcomes if outcome.fault]
    for outcome in failed:
        print(f"\nFAILED {outcome.name}: {outcome.fault}")
    boots = sum(outcome.boots for outcome in outcomes)
    print(
        f"\n{boots} boots in {time.monotonic() - started:.0f} s, "
        f"{sum(outcome.processor_time for outcome in outcomes):.0f} s of processor time"
    )
    print(f"{len(outcomes) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
