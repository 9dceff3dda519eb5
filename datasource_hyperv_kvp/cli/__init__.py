"""The command ``hyperv-kvp``: one module a subcommand.

A subcommand is a module of this package whose name is in ``COMMANDS``, with a line of help. It has
``configure(parser)``, which adds its arguments, and ``run(arguments)``, which returns the exit
status. It is imported only if it is called, and what is heavy only inside ``run``. Errors that a
person can mend are raised as ``HyperVKVPError`` and become one line on standard error.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence

from datasource_hyperv_kvp import __version__
from datasource_hyperv_kvp.cli.messages import complain, report
from datasource_hyperv_kvp.errors import HyperVKVPError

COMMANDS = {
    "dump": "show every key of every pool",
    "show": "show one document, joined and decoded",
    "validate": "check an Ignition config",
    "render": "Ignition config to cloud-config",
    "encode": "documents to keys",
    "diagnose": "say why this machine was provisioned, or why not",
}

GOOD = 0
BAD_INPUT = 1
#: What a shell reports for a program that an interrupt has ended.
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    :param argv: the arguments after the program's name; those of this process by default.
    :return: 0 good, 1 the input is bad.
    :raises SystemExit: with 2 if the call is wrong, as argparse does it.
    """
    # The process ends before there is any garbage worth looking for.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _main(argv)
    finally:
        if argv is None:
            gc.freeze()  # Python would look for it once more when it ends
        elif collecting:
            gc.enable()


def _main(argv: Sequence[str] | None) -> int:
    _write_utf8()
    words = sys.argv[1:] if argv is None else argv
    arguments = _parser(words).parse_args(words)
    module = importlib.import_module(f"{__name__}.{arguments.command}")
    try:
        status: int = module.run(arguments)
        if sys.stdout is not None:  # closed by the caller, as in ">&-"
            sys.stdout.flush()
    except HyperVKVPError as error:
        report(arguments.command, error)
        return BAD_INPUT
    except BrokenPipeError:  # the reader has seen enough, as in "| head"
        _drop_output()
        return GOOD
    except OSError as error:  # for instance standard output on a full disk
        where = f"{error.filename}: " if error.filename else ""
        complain(arguments.command, f"{where}{error.strerror or error}")
        _drop_output()
        return BAD_INPUT
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser for a call with these words: it knows the options of the commands among them."""
    parser = argparse.ArgumentParser(
        prog="hyperv-kvp",
        description="Look at, check and make what Hyper-V's key-value exchange provisions "
        "a Linux machine with: Ignition configs and cloud-init's user-data.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in words:
            module = importlib.import_module(f"{__name__}.{name}")
            command.description = module.__doc__
            module.configure(command)
    return parser


def _drop_output() -> None:
    """Python writes what is left when it ends, and must not complain of it a second time."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write_utf8() -> None:
    """Documents are UTF-8 with line feeds, whatever the terminal and the platform prefer."""
    for stream, errors in ((sys.stdout, "surrogateescape"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors, newline="\n")
