"""Every pool, key by key, as the pool files hold them. Values only with --unredacted."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from datasource_hyperv_kvp.cli.inputs import InputError, add_pool_dir, add_unredacted
from datasource_hyperv_kvp.errors import HyperVKVPError

if TYPE_CHECKING:
    from datasource_hyperv_kvp.kvp import Record

REDACTED = "<redacted>"
_NAMES = {0: "external", 1: "guest", 2: "auto", 3: "auto-external", 4: "auto-internal"}


def configure(parser: argparse.ArgumentParser) -> None:
    add_pool_dir(parser)
    parser.add_argument(
        "--format", choices=("table", "json"), default="table", help="default: %(default)s"
    )
    add_unredacted(parser)


def run(arguments: argparse.Namespace) -> int:
    from datasource_hyperv_kvp.kvp.poolfile import pool_path, read_pool_file
    from datasource_hyperv_kvp.kvp.pools import POOL_NUMBERS

    directory: Path = arguments.pool_dir
    if not directory.is_dir():
        raise InputError(
            "there is no such directory",
            where=str(directory),
            advice="the KVP daemon or this package's datasource makes it on a Hyper-V guest",
        )
    rows: list[tuple[int, Record]] = []
    status = 0
    for number in POOL_NUMBERS:
        path = pool_path(directory, number)
        if not path.exists():
            continue
        try:
            rows += ((number, record) for record in read_pool_file(path))
        except HyperVKVPError as error:  # the other pools can still be seen
            denied = isinstance(error.__cause__, PermissionError)
            print(
                f"hyperv-kvp dump: {error}{'; run it as root' if denied else ''}", file=sys.stderr
            )
            status = 1
    if arguments.format == "json":
        print(_json(rows, unredacted=arguments.unredacted))
    elif rows:
        print(_table(rows, unredacted=arguments.unredacted))
    elif not status:
        print(f"hyperv-kvp dump: no keys in {directory}", file=sys.stderr)
    return status


def _json(rows: list[tuple[int, Record]], *, unredacted: bool) -> str:
    records: list[dict[str, object]] = []
    for number, record in rows:
        fields: dict[str, object] = {
            "pool": number,
            "name": _NAMES[number],
            "key": record.key,
            "size": _size(record.value),
        }
        if unredacted:
            fields["value"] = record.value
        records.append(fields)
    return json.dumps(records, indent=2)


def _table(rows: list[tuple[int, Record]], *, unredacted: bool) -> str:
    cells = [("POOL", "KEY", "BYTES", "VALUE")]
    cells += (
        (
            f"{number} {_NAMES[number]}",
            _printable(record.key),
            str(_size(record.value)),
            _printable(record.value) if unredacted else REDACTED,
        )
        for number, record in rows
    )
    pool, key, size = (max(len(row[column]) for row in cells) for column in range(3))
    return "\n".join(
        f"{row[0]:<{pool}}  {row[1]:<{key}}  {row[2]:>{size}}  {row[3]}" for row in cells
    )


def _size(value: str) -> int:
    return len(value.encode("utf-8", "surrogateescape"))


def _printable(text: str) -> str:
    r"""On one line and harmless to a terminal: ``\n``, ``\x1b``, ``\xff``."""
    return "".join(map(_printable_character, text))


def _printable_character(character: str) -> str:
    if character.isprintable() and character != "\\":
        return character
    if 0xDC80 <= ord(character) <= 0xDCFF:
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
