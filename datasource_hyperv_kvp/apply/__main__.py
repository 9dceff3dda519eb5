"""``python3 -m datasource_hyperv_kvp.apply PLAN``: apply a plan once an instance.

``$INSTANCE_ID``, which cloud-init gives to bootcmd, says which instance; journal and result stand
in its directory. Exit status: 0 applied now or in an earlier boot, 1 not applied, 2 a wrong call.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import ApplyError, Finding
from .execute import Refused, execute
from .files import write_private
from .journal import Journal
from .machine import Machine
from .plan import Plan

#: cloud-init's directory of instances; a link to this boot's stands beside it.
CLOUD_DIR = Path("/var/lib/cloud")

#: Names in the directory of an instance.
STATE_DIR = "ignition"
JOURNAL = "journal"
RESULT = "result.json"


def state_directory(environ: Mapping[str, str], cloud_dir: Path = CLOUD_DIR) -> Path:
    """The private directory of this instance, made if it is missing."""
    instance = environ.get("INSTANCE_ID", "")
    parent = cloud_dir / "instance"
    if instance and "/" not in instance and instance not in (".", ".."):
        parent = cloud_dir / "instances" / instance
    directory = parent / STATE_DIR
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    if len(arguments) != 1:
        print("usage: python3 -m datasource_hyperv_kvp.apply PLAN", file=sys.stderr)
        return 2
    machine = Machine(state_directory(environ))
    # What stands in the result if something raises that nobody expected; Python then prints it.
    status, findings = "failed", [Finding("", "the program has a fault; its log has the traceback")]
    try:
        plan = Plan.from_text(Path(arguments[0]).read_text(encoding="ascii"))
        journal = Journal(machine.state_dir / JOURNAL)
        known = counts(machine.state_dir / RESULT)
        changed = execute(plan, machine, journal, anew=not known)
        # The power may have gone between the journal's last line and the result.
        status, findings = "applied" if changed or not known else "unchanged", []
    except Refused as error:
        status, findings = "refused", list(error.findings)
        for finding in error.findings:
            machine.log(f"cannot apply the config: {finding}")
        machine.log("nothing was changed by this run")
    except ApplyError as error:
        findings = [Finding(error.at, error.message, error.advice)]
        machine.log(f"cannot apply the config: {error}")
        machine.log("what came before it stays; the next boot tries the rest again")
    finally:
        if status != "unchanged":  # an earlier boot's result stays
            write_result(machine.state_dir / RESULT, status, findings, machine.warnings)
    return 0 if not findings else 1


def counts(path: Path) -> bool:
    """Whether the result says that a config was applied.

    Who makes cloud-init forget a boot that went wrong removes it (and the journal stays).
    """
    try:
        return bool(json.loads(path.read_text(encoding="utf-8"))["status"] == "applied")
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def write_result(
    path: Path, status: str, findings: Sequence[Finding], warnings: Sequence[str]
) -> None:
    """What ``hyperv-kvp diagnose`` reads: ``status`` is applied, refused or failed."""
    document = {
        "status": status,
        "findings": [vars(finding) for finding in findings],
        "warnings": list(warnings),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    write_private(path, json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
