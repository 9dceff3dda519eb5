"""Turn an Ignition config into cloud-config, which goes to standard output.

The result needs nothing of this project in the machine that it provisions: it works on every cloud.
Configs that it refers to (ignition.config.merge and replace) are fetched and merged in.
"""

from __future__ import annotations

import argparse
import sys

from datasource_hyperv_kvp.cli import findings
from datasource_hyperv_kvp.cli.inputs import display_name, read_bytes
from datasource_hyperv_kvp.cli.messages import complain


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an Ignition config; - is standard input")
    parser.add_argument(
        "--default-user",
        action="store_true",
        help="let cloud-init make the distribution's default user too, which Ignition would not",
    )


def run(arguments: argparse.Namespace) -> int:
    data = read_bytes(arguments.file)
    from datasource_hyperv_kvp.cloudconfig import RefusedError, render, to_yaml
    from datasource_hyperv_kvp.ignition import parse

    file = display_name(arguments.file)
    result = parse(data)
    lines = findings.lines(file, "error", result.errors)
    lines += findings.lines(file, "warning", result.warnings)
    for line in lines:
        print(line, file=sys.stderr)
    if result.config is None:
        return 1
    config = result.config
    if config.ignition.merge or config.ignition.replace.source:
        from datasource_hyperv_kvp.ignition.resolve import resolve
        from datasource_hyperv_kvp.ignition.resources import Fetcher

        config = resolve(config, Fetcher(log=_log))
    try:
        text = to_yaml(render(config, default_user=arguments.default_user))
    except RefusedError as error:
        for refusal in error.refusals:
            print(f"{file}: error: {refusal}", file=sys.stderr)
        return 1
    print(text, end="")
    return 0


def _log(message: str) -> None:
    complain("render", message)
