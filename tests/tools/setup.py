"""Set-up of this machine for the tests: ``python3 -m tests.tools.setup [PART...]``.

Parts: ``packages``, ``venv``, ``rootfs`` or ``rootfs:RELEASE``, ``guest-python``; all by default.
What is there already costs nothing. Needs root and Python's standard library.
"""

from __future__ import annotations

import sys

from tests.tools import debian, python, rootfs
from tests.tools.steps import SetupError, main_guard

PARTS = ("packages", "venv", "rootfs", "guest-python")


def make(part: str) -> None:
    """Make one part.

    :raises SetupError: it cannot be made, or there is no such part.
    """
    name, _, release = part.partition(":")
    if name not in PARTS or (release and release not in rootfs.RELEASES):
        raise SetupError(f"no such part: {part}; there are {', '.join(PARTS)}")
    releases = [release] if release else list(rootfs.RELEASES)
    if name == "packages":
        debian.install()
    elif name == "venv":
        python.make_venv()
    elif name == "guest-python":
        for each in releases:
            python.make_guest_tools(each, rootfs.RELEASES[each].python)
    else:
        rootfs.make_all(releases)
        for each in releases:
            rootfs.cloudinit_path(each)


def main(arguments: list[str]) -> int:
    """Make the parts that ``arguments`` name, in the given order."""
    try:
        for part in arguments or PARTS:
            make(part)
    except SetupError as error:
        return main_guard(error)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
