"""Draw configs and compare. Run as root; everything happens in namespaces of its own."""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.differential import furnish, ours
from tests.differential.comparison import compare
from tests.differential.generator import Generator
from tests.differential.oracle import Oracle, packaged
from tests.tools.rootfs import make_rootfs

#: Set in the child that lives in the private namespaces.
_INSIDE = "DIFFERENTIAL_TEST_INSIDE"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--root", type=Path, help="an unpacked root file system; made if unset")
    parser.add_argument("--count", type=int, default=40, help="how many configs")
    parser.add_argument(
        "--seed", type=int, help="a number to draw from; random and printed if unset"
    )
    parser.add_argument("--only", type=int, help="the number of one config of the seed")
    parser.add_argument("--ignition", type=Path, help="another build, taken for the newest")
    parser.add_argument("--verbose", action="store_true", help="print configs and logs")
    arguments = parser.parse_args()
    if os.environ.get(_INSIDE) != "1":
        # What needs the network comes before the namespaces, which have none.
        packaged()
        root = arguments.root or make_rootfs("bookworm")
        return inside_namespaces([*sys.argv[1:], f"--root={root}"])
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"differential test: seed {seed}, {arguments.count} configs", flush=True)
    oracle = Oracle(arguments.ignition, newest=True) if arguments.ignition else packaged()
    numbers = [arguments.only] if arguments.only is not None else range(arguments.count)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
    furnished = Path("/mnt/furnished")
    different = refused = 0
    with tempfile.TemporaryDirectory(dir="/mnt") as name:
        # Users of the copies have to get through to their homes.
        Path(name).chmod(0o755)
        root = furnished_copy(arguments.root, furnished)
        for number in numbers:
            config = Generator(seed, number).config()
            verdict = compare(
                config, oracle=oracle, ours=ours.apply, root=root, work=Path(name) / str(number)
            )
            refused += verdict.refused
            different += bool(verdict.differences)
            if verdict.differences or arguments.verbose:
                print(f"--- config {number} of seed {seed}: {json.dumps(config)}")
                for who, log in verdict.logs.items():
                    print(f"[{who}]\n{log if arguments.verbose else last_lines(log)}")
                print("\n".join(verdict.differences), flush=True)
    print(f"{len(numbers)} configs, {refused} refused by both, {different} with a difference")
    return 1 if different else 0


def inside_namespaces(arguments: list[str]) -> int:
    """Run this program again where mounts, processes, network and host name are its own."""
    command = ["unshare", "-mpnui", "--fork", "--mount-proc", sys.executable]
    return subprocess.run(
        [*command, "-m", "tests.differential", *arguments], env={**os.environ, _INSIDE: "1"}
    ).returncode


def furnished_copy(root: Path, place: Path) -> Path:
    """An overlay of ``root`` with what the generator's configs expect to be there."""
    for name in ("upper", "work", "merged"):
        (place / name).mkdir(parents=True)
    (place / "upper").chmod(0o755)
    options = f"lowerdir={root},upperdir={place / 'upper'},workdir={place / 'work'}"
    merged = place / "merged"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(merged)], check=True)
    furnish.furnish(merged)
    return merged


def last_lines(log: str) -> str:
    return "\n".join(log.splitlines()[-3:])


if __name__ == "__main__":
    sys.exit(main())
