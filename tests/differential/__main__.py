"""Draw configs and compare. Run as root; everything happens in namespaces of its own."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path

from tests.differential.comparison import Ours, Verdict, compare
from tests.differential.furnish import furnish
from tests.differential.generator import random_config
from tests.differential.oracle import Oracle, packaged
from tests.differential.ours import Direct
from tests.differential.overlay import overlay
from tests.differential.through_cloud_init import Guests
from tests.tools.rootfs import make_rootfs

RELEASE = "bookworm"  #: Debian's Ignition and the tools that it calls are this machine's.

#: Set in the child that lives in the private namespaces.
_INSIDE = "DIFFERENTIAL_TEST_INSIDE"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="how many configs")
    parser.add_argument("--seed", type=int, help="to draw from; random and printed if unset")
    parser.add_argument("--only", type=int, help="the number of one config of the seed")
    parser.add_argument(
        "--cloud-init",
        type=int,
        default=8,
        metavar="N",
        help="every Nth config goes through real cloud-init, 1 for all; the others are applied by"
        " what was rendered alone, which is quicker",
    )
    parser.add_argument("--ignition", type=Path, help="another build, taken for the newest")
    parser.add_argument("--verbose", action="store_true", help="print configs and logs")
    arguments = parser.parse_args()
    if os.environ.get(_INSIDE) != "1":
        # What needs the network comes before the namespaces, which have none.
        packaged()
        make_rootfs(RELEASE)
        return inside_namespaces(sys.argv[1:])
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    numbers = [arguments.only] if arguments.only is not None else range(arguments.count)
    print(f"differential test: seed {seed}, {len(numbers)} configs", flush=True)
    oracle = Oracle(arguments.ignition, newest=True) if arguments.ignition else packaged()
    different = refused = guests = 0
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
    with overlay(make_rootfs(RELEASE), Path("/mnt/furnished")) as furnished:
        furnish(furnished.merged)
        root, work = furnished.merged, Path("/mnt/work")
        direct, guest = Direct(root), Guests(RELEASE, furnished, work)
        for number in numbers:
            config = random_config(seed, number, newest=oracle.newest)
            ours: Ours = guest if number % arguments.cloud_init == 0 else direct
            guests += ours is guest
            verdict = compare(config, oracle=oracle, ours=ours, root=root, work=work / str(number))
            refused += verdict.refused
            different += bool(verdict.differences)
            if verdict.differences or arguments.verbose:
                print(f"--- config {number} of seed {seed}: {json.dumps(config)}")
                print_verdict(verdict, whole=arguments.verbose)
    print(
        f"{len(numbers)} configs, {guests} of them through cloud-init; {refused} refused by both,"
        f" {different} with a difference"
    )
    if different:
        print(f"once more: python -m tests.differential --seed {seed} --only NUMBER --verbose")
    return 1 if different else 0


def inside_namespaces(arguments: list[str]) -> int:
    """Run this program again where mounts, processes, network and host name are its own."""
    command = ["unshare", "-mpnui", "--fork", "--kill-child", "--mount-proc", sys.executable]
    return subprocess.run(
        [*command, "-m", "tests.differential", *arguments], env={**os.environ, _INSIDE: "1"}
    ).returncode


def print_verdict(verdict: Verdict, *, whole: bool) -> None:
    for who, log in verdict.logs.items():
        lines = log.splitlines()
        print(f"[{who}]")
        print("\n".join(lines if whole else lines[-3:]))
    print("\n".join(verdict.differences), flush=True)


if __name__ == "__main__":
    sys.exit(main())
