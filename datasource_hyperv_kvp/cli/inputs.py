"""Reading what a command is given: a file or standard input, pools, the name of a document."""

from __future__ import annotations

import argparse
import codecs
import sys
from pathlib import Path

from datasource_hyperv_kvp.errors import HyperVKVPError

#: Where ``hv_kvp_daemon`` keeps the pool files; on FreeBSD below /var/db/hyperv/pool.
POOL_DIR = Path("/var/db/hyperv/pool" if sys.platform.startswith("freebsd") else "/var/lib/hyperv")

# The longer mark first: the UTF-32 one begins like that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class InputError(HyperVKVPError):
    """A file that a command was given cannot be read."""


def add_pool_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pool-dir",
        metavar="DIR",
        type=Path,
        default=POOL_DIR,
        help="where the pool files are (default: %(default)s)",
    )


def add_unredacted(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--unredacted",
        action="store_true",
        help="show values too: they may hold passwords and keys",
    )


def read_bytes(name: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``.

    :raises InputError: if it cannot be read.
    """
    if name == "-" and sys.stdin is None:
        raise InputError("is closed", where=display_name(name))
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(error.strerror or str(error), where=display_name(name)) from error


def read_document(name: str) -> bytes:
    """The bytes of a file as UTF-8 without a byte order mark.

    Windows editors and PowerShell's redirection mark their files and write UTF-16; neither Ignition
    nor cloud-init reads that. A file without a mark stays as it is.

    :raises InputError: if it cannot be read or is not what its mark says.
    """
    data = read_bytes(name)
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError as error:
                raise InputError(
                    f"begins with the mark of {encoding}, but is not that: {error}",
                    where=display_name(name),
                    advice="save it as UTF-8",
                ) from None
    return data


def display_name(name: str) -> str:
    return "standard input" if name == "-" else name
