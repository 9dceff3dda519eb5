"""Check an Ignition config as Ignition's own validator does. Findings go to standard output."""

from __future__ import annotations

import argparse
import json
import sys

from datasource_hyperv_kvp.cli import findings
from datasource_hyperv_kvp.cli.inputs import display_name, read_bytes


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an Ignition config; - is standard input")
    parser.add_argument(
        "--format", choices=("text", "json"), default="text", help="default: %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    data = read_bytes(arguments.file)
    from datasource_hyperv_kvp.ignition import parse

    result = parse(data)
    severities = (("error", result.errors), ("warning", result.warnings))
    if arguments.format == "json":
        records = [
            {
                "severity": severity,
                "path": finding.path,
                "line": finding.line,
                "column": finding.column,
                "message": finding.message,
            }
            for severity, found in severities
            for finding in found
        ]
        print(json.dumps(records, indent=2))
    else:
        file = display_name(arguments.file)
        for severity, found in severities:
            for line in findings.lines(file, severity, found):
                print(line)
        if not result.errors:
            print(f"{file}: a valid Ignition config", file=sys.stderr)
    return 1 if result.errors else 0
